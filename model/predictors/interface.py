"""What a predictor may do beyond a forecast, and the shape of a forecast.

A predictor is a ``torch.nn.Module`` built as ``Class(shape, width, **options)``; called with a
history [B, history, inputs, H, W] it returns the frames that follow [B, horizon, channels, H, W],
in the units of the history, whose first channels are those that are predicted.
Shape legend: B batch, T frames, C channel, H rows, W columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from fieldsharp.model.predictors.member_draws import MemberDraws

Tensor = torch.Tensor


@dataclass(frozen=True)
class ForecastShape:
    """Frames in, frames out, and the grid.

    Attributes:
        channels: That are predicted, the first of those of a history.
        inputs: Channels of a history; as many as are predicted where nothing else is given.
    """

    history: int
    horizon: int
    channels: int
    height: int
    width: int
    inputs: int = 0

    def __post_init__(self) -> None:
        if self.inputs < self.channels:
            object.__setattr__(self, "inputs", self.channels)


@runtime_checkable
class TeacherForced(Protocol):
    """A recurrent predictor that can be fed the truth instead of its own last frame."""

    def forecast_forced(
        self, history_BTCHW: Tensor, future_BTCHW: Tensor, forced_BT: Tensor
    ) -> Tensor:
        """Return the forecast; where ``forced_BT`` is True the next step starts from the truth."""
        ...


@runtime_checkable
class MemberForecasting(Protocol):
    """A predictor that draws several forecasts of the same future; called, it returns one."""

    def forecast_members(self, history_BTCHW: Tensor) -> Tensor:
        """Return the members [B, K, T, C, H, W] to train on, drawn from torch's own generator."""
        ...

    def forecast_drawn(self, history_BTCHW: Tensor, draws: MemberDraws) -> Tensor:
        """Return the members [B, K, T, C, H, W] that were asked for, each by its own draws."""
        ...


@runtime_checkable
class StartingFromNarrower(Protocol):
    """A predictor that goes on from the weights of one with fewer inputs."""

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take them over; raises ``ConfigError`` if they are of another predictor."""
        ...


@runtime_checkable
class SelfTesting(Protocol):
    """A predictor made of a net that nobody here knows, which is tried before it is trained."""

    def test_itself(self) -> None:
        """Raise ``ConfigError`` if it cannot be trained, saved, or called again."""
        ...
