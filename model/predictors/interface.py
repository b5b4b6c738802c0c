"""The interface of predictors, and the shape of a forecast.

Shape legend: B batch, T frames, C channel, H rows, W columns.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class ForecastShape:
    """Frames in, frames out, and the grid."""

    history: int
    horizon: int
    channels: int
    height: int
    width: int


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
        """Return the members [B, K, T, C, H, W], each with noise of its own."""
        ...
