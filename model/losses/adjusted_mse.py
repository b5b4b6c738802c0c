"""Adjusted mean square error: amplitude and phase of each scale judged apart.

Subich, Husain, Separovic and Yang 2025, arXiv 2501.19374. The mean square error splits, shell by
shell of the spectrum, into an amplitude error and a decorrelation error whose weight falls with the
forecast's own amplitude: that is what pays for smoothing. Here the weight is the larger of both
powers, so smoothing no longer pays. Takes anomalies, in which masked cells are 0.
"""

import torch

from fieldsharp.fields.derivatives import zero_masked
from fieldsharp.fields.spectrum import shell_sums, shells, transform

Tensor = torch.Tensor
TINY = 1e-12
"""Added to every power, squared units of the training range: an empty shell has no direction."""


def amse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the adjusted mean square error, per sample [B], in units of the mean square error.

    sum_k (sqrt S_p - sqrt S_t)^2 + 2 max(S_p, S_t) (1 - X / sqrt(S_p S_t)), with S the power and X
    the real cross-power in shell k, divided by the share of valid cells. With sqrt(S_p S_t) in
    place of the maximum it is the mean square error over valid cells. Masked cells contribute
    neither value nor gradient.
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
