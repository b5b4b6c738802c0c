"""Padding a grid to sides that a network can halve, and cropping back."""

import torch
from torch.nn import functional

Tensor = torch.Tensor


def pad_to_multiple(images_BCHW: Tensor, multiple: int) -> Tensor:
    """Return the images with rows and columns repeated at the far edge up to a multiple."""
    height, width = images_BCHW.shape[-2:]
    down, right = -height % multiple, -width % multiple
    if not down and not right:
        return images_BCHW
    # Replicating needs no more rows than there are, whatever the multiple.
    return functional.pad(images_BCHW, (0, right, 0, down), mode="replicate")


def crop(images_BCHW: Tensor, height: int, width: int) -> Tensor:
    """Undo ``pad_to_multiple``."""
    return images_BCHW[..., :height, :width]
