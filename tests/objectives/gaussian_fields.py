"""Simulated Gaussian, stationary fields whose conditional mean is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.verification_batch import VerificationBatch

Tensor = torch.Tensor
ROWS, COLUMNS = 22, 28


@dataclass(frozen=True, eq=False)
class Simulation:
    """Truth = conditional mean + error, independent, on a grid cut out of a periodic one.

    Attributes:
        mean_BTCHW: The conditional mean.
        truth_BTCHW: The truth.
        gain_THW: The factor that raises the mean's amplitude to the truth's, of each wavenumber.
        size: Rows and columns that are cut out.
        usual_CHW: The climatology, which is added to both.
    """

    mean_BTCHW: Tensor
    truth_BTCHW: Tensor
    gain_THW: Tensor
    size: tuple[int, int]
    usual_CHW: Tensor

    def sharpened(self, step: float) -> Tensor:
        """Return the best forecast at a step from the mean (0) to the truth's sharpness (1)."""
        gain_T1HW = (1.0 - step + step * self.gain_THW)[:, None]
        raised = torch.fft.ifft2(torch.fft.fft2(self.mean_BTCHW) * gain_T1HW).real
        return self._cut(raised)

    @property
    def truth(self) -> Tensor:
        return self._cut(self.truth_BTCHW)

    def case(self, forecast: Tensor, mask_HW: Tensor) -> VerificationBatch:
        usual = Climatology(self.usual_CHW, torch.zeros(2, dtype=torch.float64), 1.0)
        return VerificationBatch(forecast, self.truth, None, mask_HW, usual)

    def _cut(self, field_BTCHW: Tensor) -> Tensor:
        rows, columns = self.size
        return field_BTCHW[..., :rows, :columns] + self.usual_CHW


def simulate(
    windows: int,
    known_scales: tuple[float, ...] = (0.1,),
    *,
    steepness: float = 2.0,
    periodic: bool = False,
    uneven: bool = False,
    seed: int = 0,
) -> Simulation:
    """Return fields with the power (1 + (k / 0.05)^2)^-steepness, k in cycles per cell.

    Of it the mean holds exp(-k / scale).

    Args:
        windows: Independent samples.
        known_scales: For each lead, the scale above; the larger, the more is known.
        steepness: Of the spectrum at small scales.
        periodic: Whether the grid is periodic, else it is cut out of one twice as long.
        uneven: Whether the climatology has a gradient.
        seed: Of the random numbers.
    """
    random = torch.Generator().manual_seed(seed)
    rows, columns = (ROWS, COLUMNS) if periodic else (2 * ROWS + 12, 2 * COLUMNS)
    ky = torch.fft.fftfreq(rows, dtype=torch.float64)[:, None]
    kx = torch.fft.fftfreq(columns, dtype=torch.float64)
    k = torch.hypot(ky, kx)
    power = (1.0 + (k / 0.05) ** 2) ** -steepness
    power = 9.0 * power / power.mean()
    known_THW = 0.97 * torch.stack([torch.exp(-k / scale) for scale in known_scales])
    leads = len(known_scales)

    def field(power_THW: Tensor) -> Tensor:
        shape = (windows, leads, 1, rows, columns)
        noise = torch.randn(shape, generator=random, dtype=torch.float64)
        coloured: Tensor = torch.fft.ifft2(torch.fft.fft2(noise) * power_THW.sqrt()[:, None]).real
        return coloured

    mean = field(power * known_THW)
    truth = mean + field(power * (1.0 - known_THW))
    y, x = torch.meshgrid(
        torch.arange(ROWS, dtype=torch.float64),
        torch.arange(COLUMNS, dtype=torch.float64),
        indexing="ij",
    )
    usual = 280.0 + (6.0 * torch.sin(x / 6.0) + 0.3 * y if uneven else 0.0 * x)
    return Simulation(mean, truth, known_THW**-0.5, (ROWS, COLUMNS), usual[None])


def coast() -> Tensor:
    """Return a mask with about half of the cells, a bay and an island."""
    y, x = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")
    mask_HW = y + 6.0 * torch.sin(x / 5.0) + 0.6 * x > 0.5 * (ROWS + 0.6 * COLUMNS)
    mask_HW[ROWS - 6, COLUMNS - 8 : COLUMNS - 6] = False
    return mask_HW


def everywhere() -> Tensor:
    """Return a mask with all cells."""
    return torch.ones(ROWS, COLUMNS, dtype=torch.bool)
