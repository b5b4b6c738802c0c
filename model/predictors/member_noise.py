"""What makes the members of an ensemble differ: noise as input, or dropout inside the net.

Shape legend: N members of all samples, C channel, H rows, W columns.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor
Generators = Sequence[torch.Generator] | None
"""One for each member; None to draw from torch's own."""

CELLS_A_BLOB = (1, 4, 16)
"""Sizes of the noise given as input, a channel each: a net would have to average white noise over
many cells to make a large-scale difference of it."""
FEWEST_CHANNELS = 8
"""Convolutions to fewer channels are not dropped out: they make the field itself."""


class InputNoise:
    """Channels of noise of several scales, each of mean 0 and variance 1.

    Args:
        height: Rows of the grid.
        width: Columns of the grid.
    """

    def __init__(self, height: int, width: int) -> None:
        self._grid = (height, width)
        self._cells = [cells for cells in CELLS_A_BLOB if 2 * cells <= min(height, width)] or [1]

    @property
    def channels(self) -> int:
        """How many channels of noise there are."""
        return len(self._cells)

    def draw(self, count: int, generators: Generators) -> Tensor:
        """Return the noise of so many members [N, C, H, W], on the CPU."""
        if generators is None:
            return torch.cat([self._scale(count, cells, None) for cells in self._cells], dim=1)
        each = [
            torch.cat([self._scale(1, cells, draw) for cells in self._cells], dim=1)
            for draw in generators
        ]
        return torch.cat(each)

    def _scale(self, count: int, cells: int, draw: torch.Generator | None) -> Tensor:
        height, width = self._grid
        if cells == 1:
            return torch.randn(count, 1, height, width, generator=draw)
        # One more node than blobs: between two nodes the noise is interpolated.
        nodes = (-(-height // cells) + 1, -(-width // cells) + 1)
        coarse = torch.randn(count, 1, *nodes, generator=draw)
        smooth = functional.interpolate(
            coarse, [height, width], mode="bilinear", align_corners=True
        )
        # Between two nodes the variance of a mean of both is half; over a line it is two thirds.
        return smooth * 1.5


class Dropout:
    """Drops whole channels behind every convolution of a net, in evaluation too.

    Each member keeps a channel with the same draw at all frames that are convolved together. After
    Gal and Ghahramani 2016, arXiv 1506.02142.

    Args:
        net: Its convolutions are given hooks.
        share: Of the channels, dropped; the others are raised, so that their mean stays.
    """

    def __init__(self, net: nn.Module, share: float) -> None:
        self._share = share
        self._generators: Generators = None
        self._members = 0
        for module in net.modules():
            if isinstance(module, nn.Conv2d) and module.out_channels >= FEWEST_CHANNELS:
                module.register_forward_hook(self._dropped)

    def draw_from(self, members: int, generators: Generators) -> None:
        """Draw what the next forecast drops from these generators."""
        self._members = members
        self._generators = generators

    def _dropped(self, _: nn.Module, __: object, features: Tensor) -> Tensor:
        members, channels = self._members, features.shape[1]
        if not members or features.shape[0] % members:
            return features
        if self._generators is None:
            drawn = torch.rand(members, channels)
        else:
            drawn = torch.stack([torch.rand(channels, generator=g) for g in self._generators])
        kept = (drawn >= self._share).to(features) / (1.0 - self._share)
        rows = kept.repeat_interleave(features.shape[0] // members, dim=0)
        return features * rows[..., None, None]
