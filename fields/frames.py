"""Frames of inputs by index, in units of the training range: from memory, or joined.

Shape legend: B batch, T frames, N all frames, C channel, H rows, W columns.
"""

from dataclasses import dataclass
from typing import Protocol

import torch

Tensor = torch.Tensor


class Frames(Protocol):
    """Frames [N, C, H, W] that are read by their index."""

    @property
    def shape(self) -> torch.Size:
        """Their number, channels, rows and columns."""
        ...

    def take(self, index_BT: Tensor) -> Tensor:
        """Return the frames with these indices [B, T, C, H, W]."""
        ...


@dataclass(frozen=True)
class FramesInMemory:
    """Frames held as one tensor, masked cells filled."""

    frames_NCHW: Tensor

    @property
    def shape(self) -> torch.Size:
        """Their number, channels, rows and columns."""
        return self.frames_NCHW.shape

    def take(self, index_BT: Tensor) -> Tensor:
        """Return the frames with these indices [B, T, C, H, W]."""
        return self.frames_NCHW[index_BT]


@dataclass(frozen=True)
class JoinedFrames:
    """Channels of several sources, one after the other."""

    parts: tuple[Frames, ...]

    @property
    def shape(self) -> torch.Size:
        """Their number, channels, rows and columns."""
        frames, _, height, width = self.parts[0].shape
        return torch.Size((frames, sum(part.shape[1] for part in self.parts), height, width))

    def take(self, index_BT: Tensor) -> Tensor:
        """Return the frames with these indices [B, T, C, H, W]."""
        return torch.cat([part.take(index_BT) for part in self.parts], dim=2)


def joined(parts: list[Frames]) -> Frames:
    """Return the channels of several sources, one after the other; a single source as it is."""
    return parts[0] if len(parts) == 1 else JoinedFrames(tuple(parts))
