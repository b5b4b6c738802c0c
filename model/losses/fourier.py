"""Losses between Fourier transforms. They take anomalies, in which masked cells are 0.

On the raw field the step at the coast fills every wavenumber and these terms do nothing. Anomalies
are not tapered here, as they are for the metrics: coastal cells are to be trained too.
"""

import torch

from fieldsharp.fields.derivatives import zero_masked
from fieldsharp.fields.spectrum import transform

Tensor = torch.Tensor
TINY = 1e-12
"""Squared units of the training range: below it a coefficient or a field counts as 0."""


def fourier_amplitude(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((|F_p| - |F_t|)^2) over wavenumbers, F orthonormal, per sample [B].

    Blind to phase: it is indifferent to where things are, and rewards noise. The amplitude part of
    Yan et al., Fourier Amplitude and Correlation Loss, NeurIPS 2024, arXiv 2410.23159.
    """
    amplitude_p, amplitude_t = _amplitudes(pred_BTCHW, target_BTCHW, mask_HW)
    return ((amplitude_p - amplitude_t) ** 2).mean(dim=(1, 2, 3, 4))


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
    # Without any anomaly there is nothing to be right about: alike if both are flat, else not.
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


def _amplitudes(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> tuple[Tensor, Tensor]:
    return _amplitude(zero_masked(pred_BTCHW, mask_HW)), _amplitude(
        zero_masked(target_BTCHW, mask_HW)
    )


def _amplitude(anomaly_BTCHW: Tensor) -> Tensor:
    coefficient = transform(anomaly_BTCHW)
    return torch.sqrt(coefficient.real**2 + coefficient.imag**2 + TINY)
