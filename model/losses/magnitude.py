"""Difference of gradient magnitudes: how steep, not in which direction."""

import torch

from fieldsharp.fields.derivatives import interior_mask, masked_mean, sobel_magnitude, zero_masked

Tensor = torch.Tensor
EPSILON = 1e-12
"""Under the root, squared units of the training range: keeps its derivative finite at 0."""


def gradient_magnitude_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((|g_p| - |g_t|)^2), |g| = sqrt(gx^2 + gy^2) of Sobel/8, per sample [B].

    Over interior cells; masked cells contribute neither value nor gradient. Not linear in the
    forecast, so its optimum is not the conditional mean: it raises contrast, at the cost of error.
    """
    steep_p = sobel_magnitude(zero_masked(pred_BTCHW, mask_HW), EPSILON)
    steep_t = sobel_magnitude(zero_masked(target_BTCHW, mask_HW), EPSILON)
    return masked_mean((steep_p - steep_t) ** 2, interior_mask(mask_HW)).mean(dim=1)
