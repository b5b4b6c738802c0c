"""Inputs beside what is predicted: other variables, static fields, and forcings known ahead.

Shape legend: B batch, T frames of a history, C channel, H rows, W columns.
"""

from dataclasses import dataclass

import torch

from fieldsharp.fields.frames import Frames, joined
from fieldsharp.fields.settings import DataSettings

Tensor = torch.Tensor


@dataclass(frozen=True)
class FurtherInputs:
    """Channels that follow those of the predicted variables in every frame of a history.

    Attributes:
        others: Variables that are known in the history alone.
        static_CHW: Fields that do not depend on time.
        forcings: What is known ahead. A history has no frames of the future, so that its frame t
            holds a forcing at t + horizon, and, where the history is shorter than the horizon, in
            further channels at t + horizon - history and so on: every lead is in it once.
    """

    others: Frames | None = None
    static_CHW: Tensor | None = None
    forcings: Frames | None = None

    @classmethod
    def of(
        cls, others: list[Frames], static: list[Tensor], forcings: list[Frames]
    ) -> "FurtherInputs | None":
        """Return the inputs of several variables, static fields [H, W] and forcings; None of none.

        They are on one device.
        """
        if not (others or static or forcings):
            return None
        return cls(
            others=joined(others) if others else None,
            static_CHW=torch.stack(static) if static else None,
            forcings=joined(forcings) if forcings else None,
        )

    def channels(self, settings: DataSettings) -> int:
        """Return how many channels there are in a history of these settings."""
        static = 0 if self.static_CHW is None else len(self.static_CHW)
        others = 0 if self.others is None else self.others.shape[1]
        ahead = 0 if self.forcings is None else self.forcings.shape[1] * len(steps_ahead(settings))
        return others + static + ahead

    def take(self, index_BT: Tensor, settings: DataSettings) -> Tensor:
        """Return the channels of the frames with these indices [B, T, C, H, W]."""
        parts = []
        if self.others is not None:
            parts.append(self.others.take(index_BT))
        if self.static_CHW is not None:
            parts.append(self.static_CHW.expand(*index_BT.shape, -1, -1, -1))
        if self.forcings is not None:
            stride = settings.stride
            ahead = (index_BT + steps * stride for steps in steps_ahead(settings))
            parts += [self.forcings.take(later_BT) for later_BT in ahead]
        return torch.cat(parts, dim=2)


def steps_ahead(settings: DataSettings) -> range:
    """Return how many strides after a frame of the history its forcings are, channel by channel."""
    return range(settings.horizon, 0, -settings.history)
