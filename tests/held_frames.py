"""The frames of windows that are held in memory."""

import torch

from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.fields.windows import Windows


def held_frames(windows: Windows) -> torch.Tensor:
    """Return the tensor of all frames, which a test may change."""
    assert isinstance(windows.frames, FramesInMemory)
    return windows.frames.frames_NCHW
