"""Calibration of a forecast by cross-fitting, ring by ring of wavenumbers.

Shape legend: D block of the split, T lead, C channel, K ring of wavenumbers.
"""

from dataclasses import dataclass

import torch

Tensor = torch.Tensor
LARGEST_POWER = 4.0
"""Over the truth's, of a ring of a calibrated forecast."""


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
    block itself. It is at least 0, and gives no ring more than four times the power of the truth in
    the blocks it was fitted on: a conditional mean has no more power than the truth, but a ring of
    few waves may have in one block. To rescale the forecast thus changes nothing.

    Args:
        forecast_DTCK: Sums over windows of the forecast's powers.
        cross_DTCK: Of the cross-powers.
        truth_DTCK: Of the truth's powers.
        windows_D: Windows of each block.
    """
    windows = windows_D.sum()
    fitted_on_DTCK = [others(sums) for sums in (forecast_DTCK, cross_DTCK, truth_DTCK)]
    others_D = others(windows_D)[:, None, None, None]
    slope_DTCK = (fitted_on_DTCK[1] / positive(fitted_on_DTCK[0])).clamp(min=0.0)
    most_DTCK = LARGEST_POWER * fitted_on_DTCK[2] / others_D * windows_D[:, None, None, None]
    slope_DTCK = torch.minimum(slope_DTCK, torch.sqrt(most_DTCK / positive(forecast_DTCK)))
    forecast_TCK = (slope_DTCK.square() * forecast_DTCK).sum(dim=0) / windows
    cross_TCK = (slope_DTCK * cross_DTCK).sum(dim=0) / windows
    truth_TCK = truth_DTCK.sum(dim=0) / windows
    # What has no part in the truth is better left out.
    forecast_TCK = torch.where(cross_TCK > 0, forecast_TCK, 0.0)
    coherence_TCK = cross_TCK / positive(torch.sqrt(truth_TCK * forecast_TCK))
    return Calibrated(forecast_TCK, truth_TCK, coherence_TCK.clamp(0.0, 1.0))


def others(sums_D: Tensor) -> Tensor:
    """Return the sums over all blocks but each; over the block itself where it is the only one."""
    return sums_D.sum(dim=0) - sums_D if len(sums_D) > 1 else sums_D


def positive(values: Tensor) -> Tensor:
    """Return the values, those that are 0 replaced so that they can be divided by."""
    return values.clamp(min=1e-300)
