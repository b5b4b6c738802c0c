"""Windows of a series by index: history in, future out.

Shape legend: B batch, T frames of a window, C channel, H rows, W columns.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch

from fieldsharp.fields.frames import Frames
from fieldsharp.fields.further_inputs import FurtherInputs
from fieldsharp.fields.settings import DataSettings

Pair = tuple[torch.Tensor, torch.Tensor]
"""History and future [B, T, C, H, W]."""


@dataclass(frozen=True)
class Windows:
    """The windows of one part of the series.

    Attributes:
        frames: Of what is predicted, in units of the training range, masked cells filled.
        starts_B: First frame of each window, on the device that windows are on.
        settings: History, horizon and stride.
        further: Inputs beside what is predicted; None where there are none.
        from_file: Whether frames are read from a file when they are taken, which takes time.
    """

    frames: Frames
    starts_B: torch.Tensor
    settings: DataSettings
    further: FurtherInputs | None = None
    from_file: bool = False

    def __len__(self) -> int:
        return len(self.starts_B)

    @property
    def device(self) -> torch.device:
        """Where windows are."""
        return self.starts_B.device

    @property
    def index_device(self) -> torch.device:
        """Where to have the indices of windows, so that nobody waits for a device."""
        return torch.device("cpu") if self.from_file else self.device

    def take(self, which: torch.Tensor) -> Pair:
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

    def in_order(self, batch_size: int) -> Iterator[Pair]:
        """Yield history and future of all windows, in time order."""
        every = torch.arange(len(self), device=self.index_device)
        return self.batches(torch.split(every, batch_size))

    def batches(self, parts: Iterable[torch.Tensor]) -> Iterator[Pair]:
        """Yield history and future of the windows with the indices of each part, in order.

        The next part is read from the file, and sent to the device, while one is used.
        """
        if not self.from_file:
            yield from map(self.take, parts)
            return
        # With the starts on the device, each part would wait for all work of the device.
        windows = replace(self, starts_B=self.starts_B.cpu())
        following: Future[Pair] | None = None
        with ThreadPoolExecutor(1, "frames") as reader:
            for part in parts:
                ahead = reader.submit(windows.take, part.cpu())
                if following is not None:
                    yield following.result()
                following = ahead
            if following is not None:
                yield following.result()

    def of_frames(self, frames: Frames) -> "Windows":
        """Return the same windows of other frames alone, without further inputs."""
        return replace(self, frames=frames, further=None)


def one_channel(frames: torch.Tensor, channel: int) -> torch.Tensor:
    """Return one channel of frames [..., C, H, W], as a dimension of length 1."""
    return frames[..., channel : channel + 1, :, :]
