"""Terms put together from those of the program, imported as its pages show it."""

from model.losses.distribution import sorted_both
from model.losses.sobel import sobel_mse


def both(pred_BTCHW, target_BTCHW, mask_HW):
    """Sorted values beside Sobel's gradients."""
    return sorted_both(pred_BTCHW, target_BTCHW, mask_HW) + sobel_mse(
        pred_BTCHW, target_BTCHW, mask_HW
    )
