"""Layers that keep the channels of a cell side by side in memory on CPUs.

In that layout oneDNN convolves images as they are; in torch's own it copies them into a layout of
its own and back around every convolution, which takes as long as the convolutions of a small net in
bfloat16. Three of torch's layers are slow in it or leave it, so they are taken in another way here.
The numbers are the same but for rounding, and so are the names of the weights. On other devices all
is left as torch does it.
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
    last columns become whatever was there, now and then NaN.
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
