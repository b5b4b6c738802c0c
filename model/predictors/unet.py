"""A small U-Net: the default on a CPU.

Frames of the history enter as channels and all frames of the horizon leave at once. Upsampling is
interpolation and convolution (transposed convolutions leave checkerboards), and what is predicted
is the increment on the last frame, which starts at 0: an untrained net predicts persistence.
Ronneberger, Fischer and Brox 2015, arXiv 1505.04597.
"""

import torch
from torch import nn
from torch.nn import functional

from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.layers import (
    GroupNorm,
    channels_together,
    crop,
    pad_to_multiple,
    upsampled,
)

Tensor = torch.Tensor


def _block(inputs: int, outputs: int) -> nn.Sequential:
    groups = next(count for count in (4, 2, 1) if outputs % count == 0)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        GroupNorm(groups, outputs),
        nn.SiLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.SiLU(),
    )


class UNet(nn.Module):
    """Encoder and decoder with skips; the width doubles with each halving of the grid."""

    def __init__(self, shape: ForecastShape, width: int = 16, depth: int = 2) -> None:
        super().__init__()
        if not 1 <= depth <= 6:
            raise ValueError(f"depth must be between 1 and 6, found {depth}")
        self.shape = shape
        self.multiple = 2**depth
        widths = [width * 2**level for level in range(depth + 1)]
        inputs = [shape.history * shape.inputs, *widths[:-1]]
        self.down = nn.ModuleList(_block(i, o) for i, o in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(
            _block(widths[level + 1] + widths[level], widths[level])
            for level in reversed(range(depth))
        )
        self.head = nn.Conv2d(width, shape.horizon * shape.channels, 1)
        nn.init.zeros_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        """Return the frames that follow [B, horizon, C, H, W]."""
        s = self.shape
        features = channels_together(pad_to_multiple(history_BTCHW.flatten(1, 2), self.multiple))
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            if level:
                features = functional.avg_pool2d(features, 2)
            features = block(features)
            skips.append(features)
        skips.pop()
        for block in self.up:
            skip = skips.pop()
            features = block(torch.cat([upsampled(features), skip], dim=1))
        increment = crop(self.head(features), s.height, s.width)
        increment_BTCHW = increment.reshape(-1, s.horizon, s.channels, s.height, s.width)
        return history_BTCHW[:, -1:, : s.channels] + increment_BTCHW
