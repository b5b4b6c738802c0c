"""The least error at each sharpness, from the powers of a forecast and the truth in each ring.

Shape legend: D block of the split, T lead, C channel, K ring of wavenumbers, N interior cells,
S step from the calibrated mean (0) to the sharpness of the truth (1).

For a conditional mean with powers S_m, and a truth with S_t, the least mean square error of a
forecast with the truth's powers is MSE + W^2, with W^2 = sum (sqrt S_t - sqrt S_m)^2; of one that
has gone the share s of the way, sqrt S = sqrt S_m + s (sqrt S_t - sqrt S_m), it is MSE + s^2 W^2
(Freirich, Michaeli and Meir 2021, arXiv 2107.02555; fields that are Gaussian and stationary).
With the coherence c = X / sqrt(S_t S_m), X the cross-power, both are sums over the rings of

    S_t - 2 c sqrt(S_t S) + S,

which also holds for a forecast that is no conditional mean, and at s = 1 is 2 S_t (1 - c), on
which no rescaling of the forecast has an influence. The square of the mean error is added.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from fieldsharp.objectives.frontier import ORTHOGONAL_WITHIN, FrontierCurve

Tensor = torch.Tensor
STEPS = 21
"""Points of a curve."""
GRADIENT_WITHIN = 0.05
"""So well the spectrum foretells the share of the gradient of a Gaussian, stationary field."""
POWER_WITHIN = 0.05
"""Up to this share of the truth's power may lie in rings in which the calibrated mean has more."""


@dataclass(frozen=True)
class Calibrated:
    """Powers of each ring, mean squares per valid cell [T, C, K], of a calibrated forecast.

    Attributes:
        forecast_TCK: Of the forecast, S_m.
        truth_TCK: Of the truth, S_t.
        coherence_TCK: Of both, from 0 to 1.
    """

    forecast_TCK: Tensor
    truth_TCK: Tensor
    coherence_TCK: Tensor

    def forecast_at(self, step: float) -> Tensor:
        """Return the powers at a step from the mean (0) to the truth's sharpness (1) [T, C, K]."""
        amplitude = torch.lerp(self.forecast_TCK.sqrt(), self.truth_TCK.sqrt(), step)
        return amplitude.square()

    def squared_error_at(self, step: float) -> Tensor:
        """Return the mean square error of that forecast without its mean error [T, C]."""
        power = self.forecast_at(step)
        product = self.coherence_TCK * torch.sqrt(self.truth_TCK * power)
        return (self.truth_TCK - 2.0 * product + power).sum(dim=-1)


def calibrate(
    forecast_DTCK: Tensor, cross_DTCK: Tensor, truth_DTCK: Tensor, windows_D: Tensor
) -> Calibrated:
    """Rescale a forecast ring by ring, each block by the slope fitted on the other blocks.

    The slope is the cross-power over the forecast's power; with one block it is fitted on that
    block itself. It is at least 0, and gives a ring no more power than the truth has in the blocks
    the slope was fitted on, as no conditional mean has more: so a ring of few waves cannot blow up,
    and to rescale the forecast changes nothing.

    Args:
        forecast_DTCK: Sums over windows of the forecast's powers.
        cross_DTCK: Of the cross-powers.
        truth_DTCK: Of the truth's powers.
        windows_D: Windows of each block.
    """
    windows = windows_D.sum()
    fitted_on_DTCK = [_others(sums) for sums in (forecast_DTCK, cross_DTCK, truth_DTCK)]
    others_D = _others(windows_D)[:, None, None, None]
    slope_DTCK = (fitted_on_DTCK[1] / _positive(fitted_on_DTCK[0])).clamp(min=0.0)
    most_DTCK = fitted_on_DTCK[2] / others_D * windows_D[:, None, None, None]
    slope_DTCK = torch.minimum(slope_DTCK, torch.sqrt(most_DTCK / _positive(forecast_DTCK)))
    forecast_TCK = (slope_DTCK.square() * forecast_DTCK).sum(dim=0) / windows
    cross_TCK = (slope_DTCK * cross_DTCK).sum(dim=0) / windows
    truth_TCK = truth_DTCK.sum(dim=0) / windows
    # What has no part in the truth is better left out.
    forecast_TCK = torch.where(cross_TCK > 0, forecast_TCK, 0.0)
    coherence_TCK = cross_TCK / _positive(torch.sqrt(truth_TCK * forecast_TCK))
    return Calibrated(forecast_TCK, truth_TCK, coherence_TCK.clamp(0.0, 1.0))


def mean_gradient_of(slope_square_TC: Tensor, usual_gradient_CN: Tensor) -> Tensor:
    """Return the mean length of a gradient [T], from the mean square of the anomalies'.

    Over cells and channels the mean of Rice's distribution, which the length of a vector has whose
    components are Gaussian: sigma sqrt(pi / 2) exp(-x / 2) ((1 + x) I0(x / 2) + x I1(x / 2)), with
    x = g^2 / (2 sigma^2), g the climatology's gradient and 2 sigma^2 the mean square of the
    anomalies' gradient (Rice 1945, doi 10.1002/j.1538-7305.1945.tb00453.x). Without a gradient of
    the climatology it is in proportion to the root of that mean square.

    Args:
        slope_square_TC: Mean square of the length of the anomalies' gradient.
        usual_gradient_CN: Length of the climatology's gradient at the interior cells.
    """
    sigma_TC1 = torch.sqrt(_positive(slope_square_TC) / 2.0)[..., None]
    x = (usual_gradient_CN / sigma_TC1).square() / 2.0
    bracket = (1.0 + x) * torch.special.i0e(x / 2.0) + x * torch.special.i1e(x / 2.0)
    length_TCN: Tensor = sigma_TC1 * math.sqrt(math.pi / 2.0) * bracket
    return length_TCN.mean(dim=(1, 2))


class FrontierLines:
    """Errors and gradients of the forecast as trained and at each step, by lead.

    Args:
        sums: Sums over the windows of each block: ``windows`` [D]; ``power_p``, ``cross`` and
            ``power_t`` of the rings about the mean of each frame, mean squares per valid cell
            [D, T, C, K]; ``level_p`` and ``level_t``, means of frames, and their squares and
            product ``level_pp``, ``level_tt`` and ``level_pt`` [D, T, C]; mean Sobel/8 gradients
            ``gradient_p`` and ``gradient_t`` [D, T].
        slope_square_K: Mean square gradient of a ring of power 1.
        usual_gradient_CN: Length of the climatology's gradient at the interior cells.
    """

    def __init__(
        self, sums: Mapping[str, Tensor], slope_square_K: Tensor, usual_gradient_CN: Tensor
    ) -> None:
        self._slope_square_K = slope_square_K
        self._usual_gradient_CN = usual_gradient_CN
        self._blocks = len(sums["windows"])
        windows = sums["windows"].sum()
        mean = {name: sum_D.sum(dim=0) / windows for name, sum_D in sums.items()}
        power_p, cross, power_t = (
            _with_levels(sums, mean, *names)
            for names in (("power_p", "p", "p"), ("cross", "p", "t"), ("power_t", "t", "t"))
        )
        self._calibrated = calibrate(power_p, cross, power_t, sums["windows"])
        raw_TCK = power_p.sum(dim=0) / windows
        self._product_T = cross.sum(dim=(0, 3)).mean(dim=-1) / windows
        self._square_T = raw_TCK.sum(dim=-1).mean(dim=-1)
        truth_T = self._calibrated.truth_TCK.sum(dim=-1).mean(dim=-1)
        self._bias_square_T = (mean["level_p"] - mean["level_t"]).square().mean(dim=-1)
        self._error_as_trained_T = (
            self._square_T - 2.0 * self._product_T + truth_T + self._bias_square_T
        )
        self._gradient_p_T, self._gradient_t_T = mean["gradient_p"], mean["gradient_t"]
        self._spectral_p_T = self._spectral_gradient(raw_TCK)
        self._spectral_t_T = self._spectral_gradient(self._calibrated.truth_TCK)
        steps = torch.linspace(0.0, 1.0, STEPS, dtype=torch.float64).tolist()
        self.squared_error_ST = torch.stack(
            [self._calibrated.squared_error_at(step).mean(dim=-1) for step in steps]
        )
        self.squared_error_ST += self._bias_square_T
        self.gradient_ST = torch.stack([self._gradient_at(step) for step in steps])

    def curve(self, leads: slice) -> FrontierCurve:
        """Return the curve of some leads: means over them of square errors and of gradients."""
        gradient_t = _positive(self._gradient_t_T[leads].mean())
        shares_S = (self.gradient_ST[:, leads].mean(dim=1) / gradient_t).clamp(max=1.0)
        rmse_S = self.squared_error_ST[:, leads].mean(dim=1).clamp(min=0.0).sqrt()
        square = _positive(self._square_T[leads].sum())
        error_as_trained = self._error_as_trained_T[leads].mean().clamp(min=0.0)
        curve = FrontierCurve(
            gradient_shares=shares_S.cummax(dim=0).values.tolist(),
            rmse=rmse_S.tolist(),
            orthogonality=float(self._product_T[leads].sum() / square) - 1.0,
            bias=float(self._bias_square_T[leads].mean().sqrt()),
            rmse_as_trained=float(error_as_trained.sqrt()),
            gradient_share_as_trained=float(self._gradient_p_T[leads].mean() / gradient_t),
        )
        return curve.model_copy(update={"doubts": self._doubts(curve, leads)})

    def _doubts(self, curve: FrontierCurve, leads: slice) -> list[str]:
        doubts = []
        if self._blocks == 1:
            doubts.append("the split is too short to calibrate on other windows than its own")
        if not abs(curve.orthogonality) <= ORTHOGONAL_WITHIN:
            doubts.append(
                f"the baseline as trained is off orthogonality by {curve.orthogonality:+.2f}, so "
                "it is no conditional mean"
            )
        if curve.rmse[0] > (1.0 + ORTHOGONAL_WITHIN) * curve.rmse_as_trained:
            doubts.append("what calibrates one part of the split makes another worse")
        truth_TCK = self._calibrated.truth_TCK[leads]
        above = truth_TCK[self._calibrated.forecast_TCK[leads] > truth_TCK].sum()
        if above > POWER_WITHIN * truth_TCK.sum():
            doubts.append("the calibrated baseline has more power than the truth at some scales")
        spectral = float(self._spectral_p_T[leads].mean() / self._spectral_t_T[leads].mean())
        measured = curve.gradient_share_as_trained
        if abs(spectral - measured) > GRADIENT_WITHIN * spectral:
            doubts.append(
                f"the baseline has {measured:.2f} of the observed gradient, {spectral:.2f} by its "
                "spectrum, so the field is not Gaussian or not stationary"
            )
        return doubts

    def _spectral_gradient(self, power_TCK: Tensor) -> Tensor:
        return mean_gradient_of(power_TCK @ self._slope_square_K, self._usual_gradient_CN)

    def _gradient_at(self, step: float) -> Tensor:
        """Return the mean gradient at a step [T].

        By the spectrum, times what the measured gradient is of that by the spectrum: at step 0 of
        the forecast as trained, at 1 of the truth, in between the geometric mean.
        """
        spectral_T = self._spectral_gradient(self._calibrated.forecast_at(step))
        of_p_T = _ratio(self._gradient_p_T, self._spectral_p_T)
        of_t_T = _ratio(self._gradient_t_T, self._spectral_t_T)
        return spectral_T * of_p_T ** (1.0 - step) * of_t_T**step


def _with_levels(
    sums: Mapping[str, Tensor], mean: Mapping[str, Tensor], name: str, a: str, b: str
) -> Tensor:
    """Return powers of the rings [D, T, C, K], the longest with the means of frames in it.

    About their mean over the split, so that a mean error is in no ring.
    """
    windows_D = sums["windows"][:, None, None]
    level_a, level_b = sums[f"level_{a}"], sums[f"level_{b}"]
    mean_a, mean_b = mean[f"level_{a}"], mean[f"level_{b}"]
    levels = sums[f"level_{a}{b}"] - mean_a * level_b - mean_b * level_a
    levels = levels + windows_D * mean_a * mean_b
    return torch.cat([sums[name][..., :1] + levels[..., None], sums[name][..., 1:]], dim=-1)


def _ratio(values_T: Tensor, over_T: Tensor) -> Tensor:
    """Return the ratio, 1 where either is 0."""
    both = (values_T > 0) & (over_T > 1e-140)
    return torch.where(both, values_T / _positive(over_T), 1.0)


def _others(sums_D: Tensor) -> Tensor:
    """Return the sums over all blocks but each; over the block itself where it is the only one."""
    return sums_D.sum(dim=0) - sums_D if len(sums_D) > 1 else sums_D


def _positive(values: Tensor) -> Tensor:
    return values.clamp(min=1e-300)
