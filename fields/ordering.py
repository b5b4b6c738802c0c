"""Sorting the values of each frame."""

import numpy as np
import torch

Tensor = torch.Tensor


def in_rising_order(values: Tensor) -> Tensor:
    """Return the values along the last dimension in rising order, NaN last; can be trained on.

    On a CPU NumPy's sort is taken: torch's, measured on frames of 275 to 60,000 cells, takes 4 to 5
    times as long where a gradient is asked for and 13 to 25 times where none is.
    """
    if values.device.type != "cpu" or values.dtype == torch.bfloat16:  # which NumPy has not
        return values.sort(dim=-1).values
    array = values.detach().numpy()
    if not values.requires_grad:
        return torch.from_numpy(np.sort(array, axis=-1))
    return values.gather(-1, torch.from_numpy(np.argsort(array, axis=-1)))
