"""Layers that the nets share: channels side by side in memory on CPUs, and padding of a grid.

With the channels of a cell side by side oneDNN convolves images as they are; in torch's own layout
it copies them into one of its own and back around every convolution, which takes as long as the
convolutions of a small net in bfloat16. Three of torch's layers are slow with it or change it, so
they are computed in another way here. The numbers are the same but for rounding, and so are the
names of the weights. On other devices torch's layout and layers are used.
"""

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor


def channels_together(images_BCHW: Tensor) -> Tensor:
    """Return the images with the channels of each cell side by side, where that is faster."""
    if images_BCHW.device.type != "cpu":
        return images_BCHW
    return images_BCHW.contiguous(memory_format=torch.channels_last)


def upsampled(images_BCHW: Tensor) -> Tensor:
    """Return the images on twice the rows and columns, interpolated bilinearly."""
    larger = functional.interpolate(images_BCHW, scale_factor=2.0, mode="bilinear")
    if larger.requires_grad:
        # The gradient of joined channels is a part of a larger tensor. For such a one torch takes
        # the kernel for its own layout, which is six times as slow.
        larger.register_hook(channels_together)  # type: ignore[no-untyped-call]
    return larger


class DilatedConv(nn.Conv2d):
    """A dilated depthwise convolution, on CPUs in single precision.

    In bfloat16 oneDNN 3.12 reads memory that it never wrote for the gradient of such a kernel: its
    last columns become what that memory held, now and then NaN.
    """

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return the images convolved, in the precision they came in."""
        if images_BCHW.device.type != "cpu" or images_BCHW.dtype != torch.bfloat16:
            return super().forward(images_BCHW)
        with torch.autocast("cpu", enabled=False):
            return super().forward(images_BCHW.float()).to(images_BCHW.dtype)


class GroupNorm(nn.GroupNorm):
    """Group normalisation, on CPUs in single precision: in bfloat16 it is three times as slow."""

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return the images normalised, in the precision they came in."""
        if images_BCHW.device.type != "cpu" or images_BCHW.dtype != torch.bfloat16:
            return super().forward(images_BCHW)
        return super().forward(images_BCHW.float()).to(images_BCHW.dtype)


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


class Gain(nn.Module):
    """A trained factor for each frame and channel of an increment, 0 at first.

    An untrained net then predicts persistence, whatever its last layer is. After ReZero
    (Bachlechner et al. 2020, arXiv 2003.04887).
    """

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__()
        self.gain_TC = nn.Parameter(torch.zeros(frames, channels))

    def forward(self, increment_BTCHW: Tensor) -> Tensor:
        """Return the increment times the factors."""
        return increment_BTCHW * self.gain_TC[..., None, None]
