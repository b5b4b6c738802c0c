"""Sharpeners that scale each ring of wavenumbers: to the truth's power, or to orthogonality.

Shape legend: B sample, T lead, C channel, H rows, W columns, K ring.
"""

import numpy as np
import torch
from scipy.fft import dct, dctn, idctn
from scipy.ndimage import distance_transform_edt

from fieldsharp.fields.device_copies import is_readable, send
from fieldsharp.fields.spectrum import shell_sums
from fieldsharp.fields.structure import convolve
from fieldsharp.fields.valid_cells import mask_array
from fieldsharp.model.sharpeners.interface import NotFittedError, Parameters, Region

Tensor = torch.Tensor
LARGEST_GAIN = 10.0
"""20 dB: of a ring in which a forecast has less, hardly anything but its error is raised."""
FILL_SIGMA_CELLS = 1.5
FILL_RADIUS_CELLS = 5


class _RingGains:
    """Anomalies transformed by a cosine transform, and each ring of wavenumbers times a gain.

    The transform (DCT II, orthonormal) continues a field as its mirror image, so that opposite
    edges make no step. Masked cells take the value of the nearest valid one, smoothed, so that a
    coast makes none either.
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        mask_HW = mask_array(region.mask_HW)
        nearest_2HW = distance_transform_edt(~mask_HW, return_distances=False, return_indices=True)
        nearest_HW = torch.from_numpy(np.ravel_multi_index(tuple(nearest_2HW), mask_HW.shape))
        offset = torch.arange(-FILL_RADIUS_CELLS, FILL_RADIUS_CELLS + 1, dtype=torch.float64)
        window = torch.exp(-0.5 * (offset / FILL_SIGMA_CELLS) ** 2)
        window = window / window.sum()
        inside_HW = convolve(torch.ones(mask_HW.shape, dtype=torch.float64), window)
        device = region.climatology_CHW.device
        self._has_coast = not mask_HW.all()
        self._nearest_HW = send(nearest_HW, device, torch.int64)
        self._ring_HW = send(rings(*mask_HW.shape), device, torch.int64)
        self._window = send(window, device, torch.float64)
        self._weight_HW = send(inside_HW, device, region.climatology_CHW.dtype)
        self._cosines: tuple[Tensor, Tensor] | None = None

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the forecasts with each ring of their anomalies times its gain."""
        gain_TCK = parameters["gain"]
        waves_BTCHW = self._waves(pred_BTCHW) * gain_TCK[..., self._ring_HW]
        return self._region.climatology_CHW + self._fields(waves_BTCHW)

    def _waves(self, field_BTCHW: Tensor) -> Tensor:
        anomaly = field_BTCHW - self._region.climatology_CHW
        mask_HW = self._region.mask_HW
        filled = anomaly.flatten(-2)[..., self._nearest_HW]
        if self._has_coast:
            smooth = convolve(filled, self._window) / self._weight_HW
            filled = torch.where(mask_HW, filled, smooth)
        if is_readable(filled):
            return torch.from_numpy(dctn(filled.numpy(), axes=(-2, -1), norm="ortho"))
        rows_HH, columns_WW = self._cosines_on(filled.device)
        return rows_HH @ filled @ columns_WW.T

    def _fields(self, waves_BTCHW: Tensor) -> Tensor:
        """Return the fields of a transform."""
        if is_readable(waves_BTCHW):
            return torch.from_numpy(idctn(waves_BTCHW.numpy(), axes=(-2, -1), norm="ortho"))
        rows_HH, columns_WW = self._cosines_on(waves_BTCHW.device)
        return rows_HH.T @ waves_BTCHW @ columns_WW

    def _cosines_on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the transform along rows and columns as matrices, for devices without SciPy."""
        if self._cosines is None:
            height, width = (
                send(torch.from_numpy(dct(np.eye(n), axis=0, norm="ortho")), device, torch.float64)
                for n in self._region.mask_HW.shape
            )
            self._cosines = height, width
        return self._cosines

    def _powers(self, a_BTCHW: Tensor, b_BTCHW: Tensor) -> Tensor:
        """Return the mean product of two transforms over samples, summed in each ring [T, C, K]."""
        sums = shell_sums((a_BTCHW * b_BTCHW).mean(dim=0), self._ring_HW)
        return sums[..., : int(self._ring_HW.max()) + 1]


class Spectral(_RingGains):
    """Raises each ring of wavenumbers to the truth's power: gain sqrt(S_t / S_p).

    Of a conditional mean of Gaussian stationary fields it makes the forecast with the least error
    among those with the truth's distribution (Freirich et al. 2021, arXiv 2107.02555).
    """

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the gain of each ring, at most 10, [T, C, K].

        Raises:
            NotFittedError: If the forecasts do not differ from the climatology.
        """
        pred, target = self._waves(pred_BTCHW), self._waves(target_BTCHW)
        power_p, power_t = self._powers(pred, pred), self._powers(target, target)
        gain = torch.sqrt(_share(power_t, power_p))
        return {"gain": gain.clamp(max=LARGEST_GAIN)}


class Calibrate(_RingGains):
    """Scales each ring of wavenumbers so that error and forecast are orthogonal: E[(O - P) P] = 0.

    The slope E[O P] / E[P^2] of the regression of the truth on the forecast (Mincer and Zarnowitz
    1969) in each ring, from 0 to 10: it lowers the error, and lessens what is too bold.
    """

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the slope of each ring [T, C, K].

        Raises:
            NotFittedError: If the forecasts do not differ from the climatology.
        """
        pred, target = self._waves(pred_BTCHW), self._waves(target_BTCHW)
        slope = _share(self._powers(target, pred), self._powers(pred, pred))
        return {"gain": slope.clamp(min=0.0, max=LARGEST_GAIN)}


def rings(height: int, width: int) -> Tensor:
    """Return the ring [H, W] of every wavenumber of the cosine transform.

    The rounded length of the wavenumber in whole waves over the longer side; a constant alone is
    in ring 0.
    """
    longest = max(height, width)
    ky_H1 = torch.arange(height, dtype=torch.float64)[:, None] / height
    kx_1W = torch.arange(width, dtype=torch.float64)[None, :] / width
    length_HW = 0.5 * longest * torch.sqrt(ky_H1.square() + kx_1W.square())
    ring_HW: Tensor = torch.floor(length_HW + 0.5).long()
    # The longest waves, half of one over a side, are no constant.
    return torch.where((ring_HW == 0) & (length_HW > 0), 1, ring_HW)


def _share(of_TCK: Tensor, all_TCK: Tensor) -> Tensor:
    """Return the quotient of powers by ring, 1 where a forecast has none.

    Raises:
        NotFittedError: If the forecasts of a lead have no power at all.
    """
    total_TC1 = all_TCK.sum(dim=-1, keepdim=True)
    if not (total_TC1 > 0).all():
        raise NotFittedError("the forecasts are each cell's mean, which has no waves to scale")
    has_power = all_TCK > 1e-12 * total_TC1
    return torch.where(has_power, of_TCK / torch.where(has_power, all_TCK, 1.0), 1.0)
