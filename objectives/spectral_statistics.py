"""Power of a field in the shells of its spectrum, and its variance by region.

Shape legend: B sample, T lead, C channel, H rows, W columns, N valid cells, K shell, R region.
Regions are always 3 x 3 and the whole grid, so that frames with different masks can be averaged; a
region that does not count in a frame is 0 there.
"""

import math
from collections.abc import Callable

import torch

from fieldsharp.fields.spectrum import shell_count, shell_sums, shells
from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.verification_batch import VerificationBatch, of_truth

Tensor = torch.Tensor
LARGEST_RATIO = 1e3
"""Stands for infinity where nothing was observed in any region."""


def power_predicted(case: VerificationBatch) -> Tensor:
    """Return the power of the forecast's anomalies in each shell [B, T, K], in units squared.

    Sum over the wavenumbers of the shell of |F|^2 / (H W), F the orthonormal Fourier transform of
    the anomalies about their mean in the frame, tapered towards masked cells and averaged over
    channels. Over all shells it is the mean square of the tapered field (Parseval).

    Raises:
        ValueError: If the climatology is not known.
    """
    return _power(case.forecast)


@of_truth
def power_observed(case: VerificationBatch) -> Tensor:
    """Return the power of the observed anomalies in each shell [B, T, K]."""
    return _power(case.truth)


def cross_power(case: VerificationBatch) -> Tensor:
    """Return the real cross-power of both anomalies in each shell [B, T, K]."""
    p, t = case.forecast.coefficients_BTCHW, case.truth.coefficients_BTCHW
    return _in_shells(p.real * t.real + p.imag * t.imag)


@of_truth
def wavelengths(case: VerificationBatch) -> Tensor:
    """Return the wavelength of each shell in cells [B, T, K]; infinite for the mean."""
    samples, leads, _, height, width = case.pred_BTCHW.shape
    number_K = torch.arange(
        shell_count(height, width), dtype=torch.float64, device=case.pred_BTCHW.device
    )
    # A number over a tensor is its reciprocal times the number: 196 / 49 would be less than 4.
    longest_K = torch.full_like(number_K, max(height, width))
    return (longest_K / number_K).expand(samples, leads, -1)


def regional_mean_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's mean anomaly in each region [B, T, R]."""
    return _by_region(case.forecast.anomalies_BTCN, case.truth.regions_NR)


@of_truth
def regional_mean_observed(case: VerificationBatch) -> Tensor:
    """Return the observed mean anomaly in each region [B, T, R]."""
    return _by_region(case.truth.anomalies_BTCN, case.truth.regions_NR)


def regional_square_predicted(case: VerificationBatch) -> Tensor:
    """Return the mean square of the forecast's anomalies in each region [B, T, R]."""
    return _by_region(case.forecast.anomalies_BTCN**2, case.truth.regions_NR)


@of_truth
def regional_square_observed(case: VerificationBatch) -> Tensor:
    """Return the mean square of the observed anomalies in each region [B, T, R]."""
    return _by_region(case.truth.anomalies_BTCN**2, case.truth.regions_NR)


@of_truth
def regions_counted(case: VerificationBatch) -> Tensor:
    """Return 1 for each region that counts, 0 for one with too few valid cells [B, T, R].

    Averaged, the share of frames in which the region counts.
    """
    samples, leads = case.pred_BTCHW.shape[:2]
    counted_R = (case.truth.regions_NR > 0).any(dim=0)
    return counted_R.to(case.pred_BTCHW).expand(samples, leads, -1)


def power_ratio_db(
    shortest: float = 0.0, longest: float = math.inf
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the formula for the power of forecast over truth in a band of scales, in dB.

    10 log10 (power of the forecast / power of the truth), summed over the shells [..., K] of the
    band.

    Args:
        shortest: Least wavelength of the band in cells, included.
        longest: Largest wavelength in cells, not included; so the mean never is.
    """

    def formula(power_p: Tensor, power_t: Tensor, wavelength: Tensor) -> Tensor:
        inside = (wavelength >= shortest) & (wavelength < longest)
        band_p = torch.where(inside, power_p, 0.0).sum(dim=-1)
        band_t = torch.where(inside, power_t, 0.0).sum(dim=-1)
        # A band that both fields lack is 0 dB; one that the forecast alone lacks, down to -120 dB.
        floor = 1e-12 * (power_p.sum(dim=-1) + power_t.sum(dim=-1)) + 1e-300
        return 10.0 * torch.log10((band_p + floor) / (band_t + floor))

    return formula


def effective_resolution(
    power_p: Tensor, power_t: Tensor, cross: Tensor, wavelength: Tensor
) -> Tensor:
    """Return the shortest wavelength that the forecast resolves, in cells.

    A shell is resolved if its power is at least half the truth's and its coherence
    X / sqrt(S_p S_t) at least 0.5. From long to short, the first shell that is not ends the search;
    the longest wavelength if it is the first one. Shells below two cells, in the spectrum's
    corners, are left out: a grid has no such waves along its axes.
    The wavelength at which a forecast's power falls below the observed, as Skamarock 2004 has it,
    doi 10.1175/MWR2830.1; the limit on the coherence is added here, as noise has power too.
    """
    tiny = 1e-12 * power_t.sum(dim=-1, keepdim=True) + 1e-300
    ratio = (power_p + tiny) / (power_t + tiny)
    coherence = (cross + tiny) / torch.sqrt((power_p + tiny) * (power_t + tiny))
    good = ((ratio >= 0.5) & (coherence >= 0.5) & (wavelength >= 2.0))[..., 1:]
    unbroken = good.long().cumprod(dim=-1).sum(dim=-1)
    return wavelength.gather(-1, unbroken.clamp(min=1)[..., None])[..., 0]


def largest_deviation_ratio(
    mean_p: Tensor, square_p: Tensor, mean_t: Tensor, square_t: Tensor, counted: Tensor
) -> Tensor:
    """Return the largest ratio of standard deviations, forecast over truth, of any region.

    From regional means and mean squares [..., R], 0 in frames in which the region does not count,
    and the share of frames in which it does. A share of the mean variance is added to both, so that
    a region in which nothing happens does not count.
    """
    variance_p = _variance(mean_p, square_p, counted)
    variance_t = _variance(mean_t, square_t, counted)
    mean_variance = (variance_t * counted).sum(dim=-1, keepdim=True) / counted.sum(
        dim=-1, keepdim=True
    )
    quiet = 0.05 * mean_variance + 1e-300
    ratio = torch.sqrt((variance_p + quiet) / (variance_t + quiet))
    return torch.where(counted > 0, ratio, 0.0).amax(dim=-1).clamp(max=LARGEST_RATIO)


def _variance(mean: Tensor, square: Tensor, counted: Tensor) -> Tensor:
    """Return the variance over the frames in which a region counts, 0 where there are none."""
    share = torch.where(counted > 0, counted, 1.0)
    variance = (square / share - (mean / share) ** 2).clamp(min=0)
    return torch.where(counted > 0, variance, 0.0)


def _power(field: MaskedField) -> Tensor:
    coefficients = field.coefficients_BTCHW
    return _in_shells(coefficients.real**2 + coefficients.imag**2)


def _in_shells(square_BTCHW: Tensor) -> Tensor:
    height, width = square_BTCHW.shape[-2:]
    shell_HW = shells(height, width, square_BTCHW.device)
    return shell_sums(square_BTCHW.mean(dim=2) / (height * width), shell_HW)


def _by_region(cells_BTCN: Tensor, regions_NR: Tensor) -> Tensor:
    return cells_BTCN.mean(dim=2) @ regions_NR.to(cells_BTCN)
