"""Variants of the shipped sharpeners, measured by ``research.sharpener_fields``.

Shape legend: B sample, T lead, C channel, H rows, W columns, K ring. Physical units.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch

from fieldsharp.fields.derivatives import interior_mask, sobel, zero_masked
from fieldsharp.model.sharpeners.inflate import Inflate
from fieldsharp.model.sharpeners.interface import Parameters, Region, Sharpener
from fieldsharp.model.sharpeners.quantile import Quantile
from fieldsharp.model.sharpeners.spectral import Calibrate, Spectral
from fieldsharp.model.sharpeners.unsharp import WIDTHS_CELLS, Unsharp

Tensor = torch.Tensor
STRENGTHS = tuple(0.05 * 1.25**step for step in range(24))
BAND = math.log(1 / 0.95)
RMSE_WEIGHT = 0.25


class SpectralKeepingMean(Spectral):
    """``Spectral`` without a gain for the mean of a frame."""

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the gain of each ring."""
        gain_TCK = super().fit(pred_BTCHW, target_BTCHW)["gain"].clone()
        gain_TCK[..., 0] = 1.0
        return {"gain": gain_TCK}


class SpectralUpToThree(Spectral):
    """``Spectral`` with gains of at most 3."""

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the gain of each ring."""
        return {"gain": super().fit(pred_BTCHW, target_BTCHW)["gain"].clamp(max=3.0)}


class InflateAboutForecast(Inflate):
    """Inflates about the mean forecast of each lead and cell, in place of the climatology."""

    moved = False

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the factor, and the means that are taken away and added."""
        mask_HW = self._region.mask_HW
        pred_TCHW, target_TCHW = pred_BTCHW.mean(dim=0), target_BTCHW.mean(dim=0)
        power = (pred_BTCHW - pred_TCHW)[..., mask_HW].square().mean(dim=(0, -1))
        wanted = (target_BTCHW - target_TCHW)[..., mask_HW].square().mean(dim=(0, -1))
        return {
            "factor": torch.sqrt(wanted / power),
            "from": zero_masked(pred_TCHW, mask_HW),
            "to": zero_masked(target_TCHW if self.moved else pred_TCHW, mask_HW),
        }

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the inflated forecasts."""
        factor = parameters["factor"][:, :, None, None]
        return parameters["to"] + factor * (pred_BTCHW - parameters["from"])


class InflateToObserved(InflateAboutForecast):
    """Inflates about the mean forecast, and moves that to the observed mean."""

    moved = True


class _UnsharpTo(Unsharp, ABC):
    """``Unsharp`` with the strength chosen by another rule, for the width of least error."""

    def _fit_lead(self, pred_B1CHW: Tensor, target_B1CHW: Tensor) -> tuple[float, float]:
        field = zero_masked(pred_B1CHW, self._mask_HW)
        truth = zero_masked(target_B1CHW, self._mask_HW)
        plain = float((field - truth)[..., self._mask_HW].square().mean())
        tried = [(self._cost(field, truth, plain), WIDTHS_CELLS[0], 0.0)]
        for width in WIDTHS_CELLS:
            detail = zero_masked(self._detail(field, width), self._mask_HW)
            for strength in STRENGTHS:
                cost = self._cost(field + strength * detail, truth, plain)
                tried.append((cost, width, strength))
        return min(tried)[1:]

    @abstractmethod
    def _cost(self, field: Tensor, truth: Tensor, plain: float) -> float:
        """Return what is least for the strength and width that are chosen."""

    def _shares(self, field: Tensor, truth: Tensor) -> tuple[float, float, float]:
        """Return logarithms of gradient and peak over the observed, and the mean square error."""
        inside = interior_mask(self._mask_HW)
        steep, peak = [], []
        level = float(truth[..., self._mask_HW].mean())
        for one in (field, truth):
            gx, gy = (slope[..., inside] for slope in sobel(one))
            steep.append(float(torch.hypot(gx, gy).mean()))
            peak.append(float(one[..., self._mask_HW].amax(dim=-1).mean()) - level)
        error = float((field - truth)[..., self._mask_HW].square().mean())
        high = math.log(max(peak[0], 1e-12) / peak[1]) if peak[1] > 0 else 0.0
        return math.log(max(steep[0], 1e-12) / steep[1]), high, error


class UnsharpToLeastScore(_UnsharpTo):
    """The strength and width with the least score on the forecasts of the fit."""

    def _cost(self, field: Tensor, truth: Tensor, plain: float) -> float:
        steep, high, error = self._shares(field, truth)
        excess = max(0.0, math.sqrt(error / max(plain, 1e-300)) - 1.0)
        return max(0.0, abs(steep) - BAND) + max(0.0, abs(high) - BAND) + RMSE_WEIGHT * excess


class UnsharpToLeastDistance(_UnsharpTo):
    """The strength and width with the least distance of gradient and peak from the observed."""

    def _cost(self, field: Tensor, truth: Tensor, plain: float) -> float:  # noqa: ARG002
        steep, high, _ = self._shares(field, truth)
        return abs(steep) + abs(high)


class Floored:
    """Nothing below 0 after another sharpener, where the truth has a floor of 0 with values on it.

    Args:
        inner: The other sharpener.
    """

    def __init__(self, region: Region, inner: Callable[[Region], Sharpener]) -> None:
        self._inner = inner(region)
        self._mask_HW = region.mask_HW

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the parameters of the other sharpener, and whether there is a floor."""
        valid_TCN = target_BTCHW[..., self._mask_HW].permute(1, 2, 0, 3).flatten(-2)
        floor_TC = (valid_TCN.amin(dim=-1) == 0) & ((valid_TCN == 0).sum(dim=-1) > 1)
        parameters = self._inner.fit(pred_BTCHW, target_BTCHW)
        return {**parameters, "floor": floor_TC.to(pred_BTCHW)}

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the sharpened forecasts."""
        own = {name: value for name, value in parameters.items() if name != "floor"}
        sharpened = self._inner.apply(pred_BTCHW, own)
        floor = parameters["floor"][..., None, None] > 0
        return torch.where(floor, sharpened.clamp(min=0.0), sharpened)


class Chained:
    """One sharpener, and another one fitted on what the first makes of the forecasts."""

    def __init__(
        self,
        region: Region,
        first: Callable[[Region], Sharpener],
        second: Callable[[Region], Sharpener],
    ) -> None:
        self._steps = {"first ": first(region), "second ": second(region)}

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the parameters of both."""
        parameters: dict[str, Tensor] = {}
        for prefix, step in self._steps.items():
            found = step.fit(pred_BTCHW, target_BTCHW)
            pred_BTCHW = step.apply(pred_BTCHW, found)
            parameters |= {prefix + name: value for name, value in found.items()}
        return parameters

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the sharpened forecasts."""
        for prefix, step in self._steps.items():
            own = {k.removeprefix(prefix): v for k, v in parameters.items() if k.startswith(prefix)}
            pred_BTCHW = step.apply(pred_BTCHW, own)
        return pred_BTCHW


VARIANTS: Mapping[str, Callable[[Region], Sharpener]] = {
    "spectral, mean kept": SpectralKeepingMean,
    "spectral, gain at most 3": SpectralUpToThree,
    "spectral, floor": lambda region: Floored(region, Spectral),
    "spectral, quantile": lambda region: Chained(region, Spectral, Quantile),
    "inflate about the forecast": InflateAboutForecast,
    "inflate to the observed mean": InflateToObserved,
    "inflate, floor": lambda region: Floored(region, Inflate),
    "unsharp to the least score": UnsharpToLeastScore,
    "unsharp to the least distance": UnsharpToLeastDistance,
    "unsharp, floor": lambda region: Floored(region, Unsharp),
    "unsharp, quantile": lambda region: Chained(region, Unsharp, Quantile),
    "calibrate, quantile": lambda region: Chained(region, Calibrate, Quantile),
}
"""The word before the comma or the first blank is the sharpener that one is a variant of."""
