"""Losses between Fourier transforms of anomalies, in which masked cells are 0.

On the raw field the step at the coast fills every wavenumber and these terms do nothing. Anomalies
are not tapered here, as they are for the metrics: coastal cells are to be trained too.
Shape legend: B sample, T lead, C channel, H rows, W columns, K shell. Units of the training range.
"""

import torch

from fieldsharp.fields.derivatives import zero_masked
from fieldsharp.fields.spectrum import shell_sums, shells, transform

Tensor = torch.Tensor
TINY = 1e-12
"""Squared units of the training range: below it a coefficient or a field counts as 0; added to the
power of every shell, since an empty one has no direction."""


def fourier_amplitude(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((|F_p| - |F_t|)^2) over wavenumbers, F orthonormal, per sample [B].

    Blind to phase: it is indifferent to where things are, and rewards noise. The amplitude part of
    Yan et al., Fourier Amplitude and Correlation Loss, NeurIPS 2024, arXiv 2410.23159.
    """
    difference = _amplitude(pred_BTCHW, mask_HW) - _amplitude(target_BTCHW, mask_HW)
    return (difference**2).mean(dim=(1, 2, 3, 4))


def facl(
    pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, progress: float = 0.5
) -> Tensor:
    """Return progress * amplitude part + (1 - progress) * correlation part, per sample [B].

    The correlation part is 1 - Re sum conj(F_p) F_t / sqrt(sum |F_p|^2 sum |F_t|^2), which by
    Parseval is 1 - the cosine of the angle between the anomalies themselves. Yan et al. (NeurIPS
    2024, arXiv 2410.23159) draw one of the two at each step, the amplitude part with a probability
    that rises as training goes on; this is the expectation of that draw, without its noise.

    Args:
        pred_BTCHW: Forecast anomalies.
        target_BTCHW: Observed anomalies.
        mask_HW: Cells that count.
        progress: Share of the training that is done, 0 to 1.
    """
    amplitude_B = fourier_amplitude(pred_BTCHW, target_BTCHW, mask_HW)
    p, t = zero_masked(pred_BTCHW, mask_HW), zero_masked(target_BTCHW, mask_HW)
    product = (p * t).sum(dim=(3, 4))
    square_p, square_t = (p * p).sum(dim=(3, 4)), (t * t).sum(dim=(3, 4))
    both = (square_p > TINY) & (square_t > TINY)
    cosine = product / torch.where(both, square_p * square_t, 1.0).sqrt()
    # A field without any anomaly is like another such, and unlike any other field.
    flat = ((square_p <= TINY) & (square_t <= TINY)).to(cosine)
    correlation_B = (1.0 - torch.where(both, cosine, flat)).mean(dim=(1, 2)).clamp(min=0.0)
    return progress * amplitude_B + (1.0 - progress) * correlation_B


def focal_frequency(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean(w |F_p - F_t|^2), w = |F_p - F_t| over its largest in the frame, per sample [B].

    The weight is a constant to the gradient. Jiang et al., ICCV 2021, arXiv 2012.12821, with
    alpha 1. A quadratic form of the error for any given weight, so like the mean square error it
    cannot cure blur that comes from uncertainty.
    """
    difference = transform(zero_masked(pred_BTCHW - target_BTCHW, mask_HW))
    square = difference.real**2 + difference.imag**2
    with torch.no_grad():
        size = square.sqrt()
        largest = size.amax(dim=(3, 4), keepdim=True)
        weight = size / torch.where(largest > 0, largest, 1.0)
    return (weight * square).mean(dim=(1, 2, 3, 4))


def _amplitude(anomaly_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    coefficient = transform(zero_masked(anomaly_BTCHW, mask_HW))
    return torch.sqrt(coefficient.real**2 + coefficient.imag**2 + TINY)


def amse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the adjusted mean square error, per sample [B], in units of the mean square error.

    sum_k (sqrt S_p - sqrt S_t)^2 + 2 max(S_p, S_t) (1 - X / sqrt(S_p S_t)), with S the power and X
    the real cross-power in shell k, divided by the share of valid cells. With sqrt(S_p S_t) in
    place of the maximum it is the mean square error over valid cells. Masked cells contribute
    neither value nor gradient.

    Subich, Husain, Separovic and Yang 2025, arXiv 2501.19374: the mean square error splits, shell
    by shell, into an amplitude error and a decorrelation error whose weight falls with the
    forecast's own amplitude, and that is what pays for smoothing. Here the weight is the larger of
    both powers, so smoothing no longer pays.
    """
    power_p, power_t, cross = _powers(pred_BTCHW, target_BTCHW, mask_HW)
    geometric = torch.sqrt(power_p * power_t)
    amplitude = power_p + power_t - 2.0 * geometric
    phase = 2.0 * torch.maximum(power_p, power_t) * (1.0 - cross / geometric)
    return _mean_over_valid(amplitude + phase, mask_HW)


def amse_minus_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return AMSE - MSE >= 0, per sample [B]: added with weight w to a base of MSE, it blends.

    Weight 0 is the mean square error, 1 the adjusted one; between them the optimum moves steadily.
    """
    power_p, power_t, cross = _powers(pred_BTCHW, target_BTCHW, mask_HW)
    geometric = torch.sqrt(power_p * power_t)
    excess = torch.maximum(power_p, power_t) - geometric
    return _mean_over_valid(2.0 * excess * (1.0 - cross / geometric), mask_HW)


def _powers(
    pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    height, width = mask_HW.shape
    shell_HW = shells(height, width, mask_HW.device)
    f_p = transform(zero_masked(pred_BTCHW, mask_HW))
    f_t = transform(zero_masked(target_BTCHW, mask_HW))
    products = torch.stack(
        [
            f_p.real**2 + f_p.imag**2,
            f_t.real**2 + f_t.imag**2,
            f_p.real * f_t.real + f_p.imag * f_t.imag,
        ]
    )
    power_p, power_t, cross = shell_sums(products, shell_HW) / (height * width) + TINY
    return power_p, power_t, cross


def _mean_over_valid(error_BTCK: Tensor, mask_HW: Tensor) -> Tensor:
    share = mask_HW.to(error_BTCK).mean()
    return error_BTCK.clamp(min=0.0).sum(dim=-1).mean(dim=(1, 2)) / share
