"""No gradient term: the baseline."""

import torch


def no_term(
    pred_BTCHW: torch.Tensor,
    target_BTCHW: torch.Tensor,  # noqa: ARG001 - every term takes the same three arguments
    mask_HW: torch.Tensor,  # noqa: ARG001
) -> torch.Tensor:
    """Return 0 for every sample [B]."""
    return pred_BTCHW.new_zeros(pred_BTCHW.shape[0])
