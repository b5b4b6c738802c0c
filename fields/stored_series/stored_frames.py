"""Frames of a stored series by index, scaled when they are read.

Shape legend: B batch, T frames of a window, N all frames, C channel, H rows, W columns.
"""

from dataclasses import dataclass

import numpy as np
import torch

from fieldsharp.fields.scaling import Scaling
from fieldsharp.fields.series import BoolArray, FloatArray

Tensor = torch.Tensor


@dataclass(frozen=True)
class StoredFrames:
    """Frames in units of the training range, masked cells filled; read from a mapped file.

    A window has the bits it has in memory. Can be read by several threads.

    Attributes:
        values_NCHW: Physical values, memory-mapped.
        device: Where windows are needed.
    """

    values_NCHW: FloatArray
    mask_HW: BoolArray
    scaling: Scaling
    device: torch.device

    @property
    def shape(self) -> torch.Size:
        """Their number, channels, rows and columns."""
        return torch.Size(self.values_NCHW.shape)

    def take(self, index_BT: Tensor) -> Tensor:
        """Return the frames with these indices [B, T, C, H, W]."""
        index = index_BT.cpu().numpy()
        is_pinned = self.device.type == "cuda"
        shape = (*index.shape, *self.values_NCHW.shape[1:])
        unit_BTCHW = torch.empty(shape, pin_memory=is_pinned)
        values = unit_BTCHW.numpy()
        np.take(self.values_NCHW, index, axis=0, out=values, mode="clip")  # in range as they are
        np.copyto(values, np.float32(self.scaling.fill), where=~self.mask_HW)
        # In single precision, as torch computes with a number beside a tensor.
        values -= np.float32(self.scaling.low)
        values /= np.float32(self.scaling.high - self.scaling.low)
        # Not pinned, it might be gone before another device has read it.
        return unit_BTCHW.to(self.device, non_blocking=is_pinned)
