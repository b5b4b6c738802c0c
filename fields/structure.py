"""Structural similarity on a masked grid: local mean, contrast and pattern compared.

Shape legend: B batch, T lead, C channel, H rows, W columns.
"""

from functools import lru_cache

import torch

from fieldsharp.fields.derivatives import zero_masked
from fieldsharp.fields.device_copies import send

Tensor = torch.Tensor
SIGMA_CELLS = 1.5
RADIUS_CELLS = 5
K1, K2 = 0.01, 0.03


def similarity(
    pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, value_range: float
) -> Tensor:
    """Return the structural similarity of each cell, from -1 to 1.

    (2 m_p m_t + C1)(2 s_pt + C2) / ((m_p^2 + m_t^2 + C1)(s_p^2 + s_t^2 + C2)) with means, variances
    and covariance under a Gaussian window of 1.5 cells cut at 5; C1 = (0.01 R)^2, C2 = (0.03 R)^2.
    Wang, Bovik, Sheikh and Simoncelli 2004, doi 10.1109/TIP.2003.819861. The window's weight is
    spread over the valid cells it holds (as at the edge of the grid, where the original pads), so
    masked cells never matter; values at masked cells are to be ignored.

    Args:
        pred_BTCHW: One field.
        target_BTCHW: The other.
        mask_HW: Cells that count.
        value_range: R, the span of values in the fields' units.
    """
    p, t = zero_masked(pred_BTCHW, mask_HW), zero_masked(target_BTCHW, mask_HW)
    weight = _smooth(mask_HW.to(p)[None, None]).clamp(min=1e-6)
    # About a common level, since in kelvin the squares would swallow the variances.
    level = (t.sum(dim=(3, 4), keepdim=True) / mask_HW.sum()).detach()
    a, b = zero_masked(p - level, mask_HW), zero_masked(t - level, mask_HW)
    moments = _smooth(torch.stack([a, b, a * a, b * b, a * b]).flatten(0, 3)[:, None]) / weight
    mean_a, mean_b, square_a, square_b, product = moments.reshape(5, *p.shape)
    c1, c2 = (K1 * value_range) ** 2, (K2 * value_range) ** 2
    variances = (square_a - mean_a**2) + (square_b - mean_b**2)
    covariance = product - mean_a * mean_b
    mean_p, mean_t = mean_a + level, mean_b + level
    means = (2.0 * mean_p * mean_t + c1) / (mean_p**2 + mean_t**2 + c1)
    similar: Tensor = means * (2.0 * covariance + c2) / (variances + c2)
    return similar


def _smooth(images_N1HW: Tensor) -> Tensor:
    """Convolve with the Gaussian window, zeros beyond the grid."""
    height, width = images_N1HW.shape[-2:]
    kind = images_N1HW.device, images_N1HW.dtype
    return gaussian_band(height, *kind) @ images_N1HW @ gaussian_band(width, *kind)


@lru_cache(maxsize=16)
def gaussian_band(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the matrix of the Gaussian window: shared, so that it is sent to a device once."""
    offsets = torch.arange(-RADIUS_CELLS, RADIUS_CELLS + 1, dtype=torch.float64)
    window = torch.exp(-0.5 * (offsets / SIGMA_CELLS) ** 2)
    return send(_band(size, window / window.sum()), device, dtype)


def convolve(images: Tensor, window_K: Tensor) -> Tensor:
    """Convolve rows and columns [..., H, W] with a symmetric window, zeros beyond the grid.

    As two products with banded matrices: in double precision on a CPU, where the metrics are taken,
    a convolution of one channel was measured to be a hundred times as slow. Nobody waits for the
    device where the window is on the device of the images.
    """
    height, width = images.shape[-2:]
    return _band(height, window_K).to(images) @ images @ _band(width, window_K).to(images)


def _band(size: int, window_K: Tensor) -> Tensor:
    """Return the symmetric matrix [size, size] that convolves with the window."""
    radius = len(window_K) // 2
    position = torch.arange(size, device=window_K.device)
    apart = (position[:, None] - position[None, :]).abs()
    inside = apart <= radius
    return torch.where(inside, window_K[(radius + apart).clamp(max=len(window_K) - 1)], 0.0)
