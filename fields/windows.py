"""Windows of a series by index: history in, future out.

Shape legend: B batch, T frames of a window, C channel, H rows, W columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from fieldsharp.fields.frames import Frames
from fieldsharp.fields.further_inputs import FurtherInputs
from fieldsharp.fields.settings import DataSettings


@dataclass(frozen=True)
class Windows:
    """The windows of one part of the series.

    Attributes:
        frames: Of what is predicted, in units of the training range, masked cells filled.
        starts_B: First frame of each window, on the device that windows are on.
        settings: History, horizon and stride.
        further: Inputs beside what is predicted; None where there are none.
    """

    frames: Frames
    starts_B: torch.Tensor
    settings: DataSettings
    further: FurtherInputs | None = None

    def __len__(self) -> int:
        return len(self.starts_B)

    @property
    def device(self) -> torch.device:
        """Where windows are."""
        return self.starts_B.device

    def take(self, which: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return history_BTCHW and future_BTCHW of the windows with these indices.

        The future has the channels that are predicted. The history has them first, and then those
        of the further inputs.
        """
        history, stride = self.settings.history, self.settings.stride
        length = history + self.settings.horizon
        index_BT = self.starts_B[which][:, None] + torch.arange(length, device=self.device) * stride
        window_BTCHW = self.frames.take(index_BT)
        history_BTCHW, future_BTCHW = window_BTCHW[:, :history], window_BTCHW[:, history:]
        if self.further is not None:
            further_BTCHW = self.further.take(index_BT[:, :history], self.settings)
            history_BTCHW = torch.cat([history_BTCHW, further_BTCHW], dim=2)
        return history_BTCHW, future_BTCHW

    def in_order(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield history and future of all windows, in time order."""
        for first in range(0, len(self), batch_size):
            last = min(first + batch_size, len(self))
            yield self.take(torch.arange(first, last, device=self.device))

    def of_frames(self, frames: Frames) -> "Windows":
        """Return the same windows of other frames alone, without further inputs."""
        return replace(self, frames=frames, further=None)
