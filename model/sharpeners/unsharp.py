"""Unsharp masking: what a blur takes away is added, times a strength.

Shape legend: B sample, T lead, C channel, H rows, W columns, N interior cells.
"""

import math
from collections.abc import Callable

import torch

from fieldsharp.fields.derivatives import interior_mask, sobel, zero_masked
from fieldsharp.fields.structure import convolve
from fieldsharp.model.sharpeners.interface import NotFittedError, Parameters, Region

Tensor = torch.Tensor
WIDTHS_CELLS = (0.7, 1.0, 2.0, 3.0)
LARGEST_STRENGTH = 10.0
BISECTIONS = 16
"""They find the strength within 1e-4 of its size."""


class Unsharp:
    """x + strength (x - blur(x)), with a Gaussian blur over the valid cells.

    At each lead and for each of four widths the strength is the least with which the mean gradient
    is the observed one, 0 where it is that already; the width is the one with the least error.
    Gonzalez and Woods, Digital Image Processing, unsharp masking.
    """

    def __init__(self, region: Region) -> None:
        self._mask_HW = region.mask_HW
        self._inside = interior_mask(region.mask_HW)

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the width in cells and the strength of each lead, [T].

        Raises:
            NotFittedError: If the forecasts have no gradient, or no cell has all its neighbours.
        """
        if not self._inside.any():
            raise NotFittedError("no valid cell has all its neighbours, so there is no gradient")
        fitted = [
            self._fit_lead(pred_BTCHW[:, [lead]], target_BTCHW[:, [lead]])
            for lead in range(pred_BTCHW.shape[1])
        ]
        width_T, strength_T = zip(*fitted, strict=True)
        return {
            "width": pred_BTCHW.new_tensor(width_T),
            "strength": pred_BTCHW.new_tensor(strength_T),
        }

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the forecasts with the detail of their lead's width added."""
        leads = [
            pred_BTCHW[:, lead : lead + 1]
            + strength * self._detail(pred_BTCHW[:, lead : lead + 1], width)
            for lead, (width, strength) in enumerate(
                zip(parameters["width"], parameters["strength"], strict=True)
            )
        ]
        return torch.cat(leads, dim=1)

    def _fit_lead(self, pred_B1CHW: Tensor, target_B1CHW: Tensor) -> tuple[float, float]:
        wanted = float(self._gradient(zero_masked(target_B1CHW, self._mask_HW))(0.0))
        field = zero_masked(pred_B1CHW, self._mask_HW)
        if not float(self._gradient(field)(0.0)) > 0:
            raise NotFittedError(
                "the forecasts of a lead are flat, which no detail can be taken of"
            )
        best = (math.inf, 0.0, 0.0)
        for width in WIDTHS_CELLS:
            detail = zero_masked(self._detail(field, width), self._mask_HW)
            strength = _least(self._gradient(field, detail), wanted)
            error = (field + strength * detail - target_B1CHW)[..., self._mask_HW]
            best = min(best, (float(error.square().mean()), width, strength))
        return best[1:]

    def _gradient(self, field: Tensor, detail: Tensor | None = None) -> Callable[[float], float]:
        """Return the mean gradient of the field with some strength of its detail."""
        gx, gy = (slope[..., self._inside] for slope in sobel(field))
        if detail is None:
            return lambda _: float(torch.sqrt(gx * gx + gy * gy).mean())
        dx, dy = (slope[..., self._inside] for slope in sobel(detail))
        return lambda a: float(torch.hypot(gx + a * dx, gy + a * dy).mean())

    def _detail(self, field_BTCHW: Tensor, width: float | Tensor) -> Tensor:
        """Return what a Gaussian blur takes away; the weight is spread over the valid cells."""
        # As wide as the widest, so that nobody has to read how wide this one is.
        radius = math.ceil(3.0 * WIDTHS_CELLS[-1])
        device = field_BTCHW.device
        offset = torch.arange(-radius, radius + 1, dtype=torch.float64, device=device)
        width = torch.as_tensor(width, dtype=torch.float64, device=device)
        window = torch.exp(-0.5 * (offset / width) ** 2)
        window = torch.where(offset.abs() <= torch.ceil(3.0 * width), window, 0.0)
        field = zero_masked(field_BTCHW, self._mask_HW)
        weight_HW = convolve(self._mask_HW.to(field), window)
        # About a common level, since the difference of large numbers would be rounded.
        level = field.sum(dim=(-1, -2), keepdim=True) / self._mask_HW.sum()
        about = zero_masked(field - level, self._mask_HW)
        return about - convolve(about, window) / weight_HW.clamp(min=1e-12)


def _least(gradient: Callable[[float], float], wanted: float) -> float:
    """Return the least strength with which the gradient is the wanted one, within 0 and 10."""
    if gradient(0.0) >= wanted:
        return 0.0
    low, high = 0.0, 1.0
    while gradient(high) < wanted:
        if high >= LARGEST_STRENGTH:
            return LARGEST_STRENGTH
        low, high = high, min(2.0 * high, LARGEST_STRENGTH)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if gradient(middle) >= wanted else (middle, high)
    return high
