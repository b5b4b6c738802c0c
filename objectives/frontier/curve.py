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

import torch

from fieldsharp.objectives.frontier.calibration import calibrate, others, positive
from fieldsharp.objectives.frontier.frontier import FrontierCurve

Tensor = torch.Tensor
STEPS = 21
"""Points of a curve."""
GRADIENT_WITHIN = 0.05
"""So well the spectrum foretells the share of the gradient of a Gaussian, stationary field."""
LARGEST_UNCERTAINTY = 0.1
"""Standard error of the orthogonality up to which it tells anything."""
CALIBRATION_WITHIN = 0.05
"""So much may calibration by cross-fitting raise the RMSE, where there is nothing to calibrate."""
POWER_WITHIN = 0.05
"""Rings where the calibrated mean is above the truth by this share may hold this share of power."""


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
    # Of a field without anomalies the mean is the climatology's gradient; x must stay finite.
    sigma_TCN = torch.sqrt(slope_square_TC / 2.0)[..., None].maximum(1e-6 * usual_gradient_CN)
    x = (usual_gradient_CN / positive(sigma_TCN)).square() / 2.0
    bracket = (1.0 + x) * torch.special.i0e(x / 2.0) + x * torch.special.i1e(x / 2.0)
    length_TCN: Tensor = sigma_TCN * math.sqrt(math.pi / 2.0) * bracket
    return length_TCN.mean(dim=(1, 2))


class FrontierLines:
    """Errors and gradients of the forecast as trained and at each step, by lead.

    Args:
        sums: Sums over the windows of each block: ``windows`` [D]; ``power_p``, ``cross`` and
            ``power_t`` of the rings about the mean of each frame, mean squares per valid cell by
            the cells' shares of the area [D, T, C, K]; ``level_p`` and ``level_t``, means of
            frames likewise, and their squares and product ``level_pp``, ``level_tt`` and
            ``level_pt`` [D, T, C]; unweighted mean squares of the
            anomalies' Sobel/8 gradient in each ring, ``slope_p`` and ``slope_t`` [D, T, C, K], and
            mean lengths of the fields' gradient ``gradient_p`` and ``gradient_t`` [D, T].
        usual_gradient_CN: Length of the climatology's gradient at the interior cells.
    """

    def __init__(self, sums: Mapping[str, Tensor], usual_gradient_CN: Tensor) -> None:
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
        self._product_DT = cross.sum(dim=-1).mean(dim=-1) / windows
        self._square_DT = power_p.sum(dim=-1).mean(dim=-1) / windows
        truth_T = self._calibrated.truth_TCK.sum(dim=-1).mean(dim=-1)
        self._bias_square_T = (mean["level_p"] - mean["level_t"]).square().mean(dim=-1)
        error_DT = self._square_DT - 2.0 * self._product_DT
        self._error_as_trained_T = error_DT.sum(dim=0) + truth_T + self._bias_square_T
        self._gradient_p_T, self._gradient_t_T = mean["gradient_p"], mean["gradient_t"]
        self._spectral_p_T = mean_gradient_of(mean["slope_p"].sum(dim=-1), usual_gradient_CN)
        self._spectral_t_T = mean_gradient_of(mean["slope_t"].sum(dim=-1), usual_gradient_CN)
        self._slope_t_TCK = mean["slope_t"] / positive(self._calibrated.truth_TCK)
        slope_p_TCK = mean["slope_p"] / positive(raw_TCK)
        self._slope_p_TCK = torch.where(slope_p_TCK > 0, slope_p_TCK, self._slope_t_TCK)
        steps = torch.linspace(0.0, 1.0, STEPS, dtype=torch.float64).tolist()
        self.squared_error_ST = torch.stack(
            [self._calibrated.squared_error_at(step).mean(dim=-1) for step in steps]
        )
        self.squared_error_ST += self._bias_square_T
        self.gradient_ST = torch.stack([self._gradient_at(step) for step in steps])

    def curve(self, leads: slice) -> FrontierCurve:
        """Return the curve of some leads: means over them of square errors and of gradients."""
        gradient_t = positive(self._gradient_t_T[leads].mean())
        shares_S = (self.gradient_ST[:, leads].mean(dim=1) / gradient_t).clamp(max=1.0)
        rmse_S = self.squared_error_ST[:, leads].mean(dim=1).clamp(min=0.0).sqrt()
        orthogonality, orthogonality_error = self._orthogonality(leads)
        error_as_trained = self._error_as_trained_T[leads].mean().clamp(min=0.0)
        curve = FrontierCurve(
            gradient_shares=shares_S.cummax(dim=0).values.tolist(),
            rmse=rmse_S.tolist(),
            orthogonality=orthogonality,
            orthogonality_error=orthogonality_error,
            bias=float(self._bias_square_T[leads].mean().sqrt()),
            rmse_as_trained=float(error_as_trained.sqrt()),
            gradient_share_as_trained=float(self._gradient_p_T[leads].mean() / gradient_t),
        )
        return curve.model_copy(update={"doubts": self._doubts(curve, leads)})

    def _orthogonality(self, leads: slice) -> tuple[float, float | None]:
        """Return E[(O - P) P] / E[P^2] and its standard error, by leaving out a block at a time."""
        product_D = self._product_DT[:, leads].sum(dim=1)
        square_D = self._square_DT[:, leads].sum(dim=1)
        without_D = others(product_D) / positive(others(square_D))
        if not square_D.sum() > 0:
            return 0.0, None
        value = float(product_D.sum() / square_D.sum()) - 1.0
        if self._blocks == 1:
            return value, None
        spread = (without_D - without_D.mean()).square().sum()
        return value, math.sqrt(float(spread) * (self._blocks - 1) / self._blocks)

    def _doubts(self, curve: FrontierCurve, leads: slice) -> list[str]:
        if not math.isfinite(curve.rmse_as_trained):
            return ["the baseline has diverged"]
        doubts = []
        if self._blocks == 1:
            doubts.append("the split is too short to calibrate on other windows than its own")
        if not curve.is_orthogonal:
            doubts.append(
                f"the baseline as trained is off orthogonality by {curve.orthogonality:+.2f}, so "
                "it is no conditional mean"
            )
        elif (curve.orthogonality_error or 0.0) > LARGEST_UNCERTAINTY:
            doubts.append(
                "the split is too short to tell whether the baseline is a conditional mean: its "
                f"orthogonality is {curve.orthogonality:+.2f} +- {curve.orthogonality_error:.2f}"
            )
        if curve.rmse[0] > (1.0 + CALIBRATION_WITHIN) * curve.rmse_as_trained:
            doubts.append("what calibrates one part of the split makes another worse")
        truth_TCK = self._calibrated.truth_TCK[leads]
        most_TCK = (1.0 + POWER_WITHIN) * truth_TCK
        above = truth_TCK[self._calibrated.forecast_TCK[leads] > most_TCK].sum()
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

    def _gradient_at(self, step: float) -> Tensor:
        """Return the mean gradient at a step [T].

        By the spectrum, times what the measured gradient is of that by the spectrum. That factor,
        and the mean square gradient of a ring of power 1, are at step 0 those of the forecast as
        trained, at 1 those of the truth, in between geometric means.
        """
        power_TCK = self._calibrated.forecast_at(step)
        slope_TCK = self._slope_p_TCK ** (1.0 - step) * self._slope_t_TCK**step
        spectral_T = mean_gradient_of((power_TCK * slope_TCK).sum(dim=-1), self._usual_gradient_CN)
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
    return torch.where(both, values_T / positive(over_T), 1.0)
