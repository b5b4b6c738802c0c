"""What makes the members of an ensemble differ: noise as input, or dropout inside the net.

Shape legend: N members of all samples, C channel, H rows, W columns.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from fieldsharp.fields.device_copies import send

Tensor = torch.Tensor
Generators = Sequence[torch.Generator] | None
"""One for each member; None to draw from torch's own."""

CELLS_A_BLOB = (1, 4, 16)
"""Sizes of the noise given as input, a channel each: a net would have to average white noise over
many cells to make a large-scale difference of it."""
CELLS_A_DROP = 4
"""Cells along a side of what is dropped by itself where a net works on a coarser grid."""
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
    """Drops features behind every convolution of a net, in evaluation too.

    At the resolution of the grid whole channels are dropped, as a block of them would leave its
    edges in the forecast. Where a net works on a coarser grid, blocks of as many features as lie on
    ``CELLS_A_DROP`` cells are, each by itself: members then differ from place to place, and what
    follows interpolates between blocks. Each member has the same draw at all frames that are
    convolved together. After Gal and Ghahramani 2016, arXiv 1506.02142, and Ghiasi, Lin and Le
    2018, arXiv 1810.12890.

    Args:
        net: Its convolutions are given hooks.
        share: Of the features, dropped; the others are raised, so that their mean stays.
        height: Rows of the grid.
        width: Columns of the grid.

    Raises:
        ValueError: If there is nothing to be dropped.
    """

    def __init__(self, net: nn.Module, share: float, height: int, width: int) -> None:
        self._share = share
        self._grid = (height, width)
        self._generators: Generators = None
        self._members = 0
        found = [
            module
            for module in net.modules()
            if isinstance(module, nn.Conv2d) and module.out_channels >= FEWEST_CHANNELS
        ]
        if not found:
            raise ValueError(
                f"noise dropout acts behind convolutions (torch.nn.Conv2d) to {FEWEST_CHANNELS} "
                "channels or more, and this net has none, so that all members would be the same; "
                "set predictor.options.noise to input"
            )
        for module in found:
            module.register_forward_hook(self._dropped)

    def draw_from(self, members: int, generators: Generators) -> None:
        """Draw what the next forecast drops from these generators."""
        self._members = members
        self._generators = generators

    def _dropped(self, _: nn.Module, __: object, features: Tensor) -> Tensor:
        members = self._members
        if not members or features.shape[0] % members:
            return features
        channels, *size = features.shape[1:]
        coarser = round(max(cells / n for cells, n in zip(self._grid, size, strict=True)))
        block = max(1, CELLS_A_DROP // coarser)
        blocks = [-(-n // block) for n in size] if coarser > 1 else [1, 1]
        # Drawn with the channels of a block side by side, as features lie in memory on CPUs.
        drawn = self._kept((*blocks, channels))
        kept = send(drawn, features.device, features.dtype).permute(0, 3, 1, 2)
        if coarser > 1 and block > 1:
            kept = functional.interpolate(kept, scale_factor=float(block))
            kept = kept[..., : size[0], : size[1]]
        return features * kept.repeat_interleave(features.shape[0] // members, dim=0)

    def _kept(self, shape: tuple[int, ...]) -> Tensor:
        """Return the factors of each member [N, *shape], of mean 1."""
        if self._generators is None:
            drawn = torch.rand(self._members, *shape)
        else:
            drawn = torch.stack([torch.rand(*shape, generator=draw) for draw in self._generators])
        return (drawn >= self._share).float() / (1.0 - self._share)
