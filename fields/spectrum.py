"""Radial power spectra of anomalies on a masked grid.

Always of anomalies: on the raw field the step at the coast, where masked cells are 0, would fill
every shell (measured on the humidity data: a spectral loss then does nothing).
"""

import torch

Tensor = torch.Tensor


def anomalies(field_BTCHW: Tensor, climatology_CHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the departure from each cell's climatology, 0 in masked cells."""
    return torch.where(mask_HW, field_BTCHW - climatology_CHW, 0.0)


def shells(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """Return the shell index [H, W] of every wavenumber of ``torch.fft.fft2``.

    The index is the rounded length of the wavenumber, counted in waves over the longer side, so
    that a shell means the same scale in cells along both axes of a grid that is not square.
    """
    longest = max(height, width)
    ky_H1 = torch.fft.fftfreq(height, device=device)[:, None] * longest
    kx_1W = torch.fft.fftfreq(width, device=device)[None, :] * longest
    length_HW = torch.sqrt(ky_H1.square() + kx_1W.square())
    shell_HW: Tensor = length_HW.round().long()
    return shell_HW


def shell_power(anomaly_BTCHW: Tensor, shell_HW: Tensor) -> Tensor:
    """Return the power in each shell [B, T, C, K]: the sum of |F|^2 / (H W), F orthonormal.

    The sum over shells is the mean square of the anomaly (Parseval).
    """
    height, width = anomaly_BTCHW.shape[-2:]
    power = torch.fft.fft2(anomaly_BTCHW, norm="ortho").abs() ** 2 / (height * width)
    sums = power.new_zeros((*anomaly_BTCHW.shape[:3], int(shell_HW.max()) + 1))
    power_BTCK: Tensor = sums.index_add(-1, shell_HW.flatten(), power.flatten(-2))
    return power_BTCK


def radial_spectrum(anomaly_BTCHW: Tensor, shell_HW: Tensor) -> Tensor:
    """Return the mean power of the wavenumbers in each shell [B, T, C, K].

    Comparable to the radially averaged power of pysteps' ``rapsd``.
    """
    cells_K = torch.bincount(shell_HW.flatten()).clamp(min=1)
    height, width = anomaly_BTCHW.shape[-2:]
    return shell_power(anomaly_BTCHW, shell_HW) * (height * width) / cells_K
