"""A net whose weights depend on its input channels in more than the first layer's width."""

import torch
from torch import nn

from fieldsharp.model.predictors.interface import ForecastShape


class OneNoise(nn.Module):
    """Has a further weight where it is given more channels than it predicts."""

    def __init__(self, shape: ForecastShape, width: int = 4) -> None:
        super().__init__()
        self._steps = shape.horizon
        self._channels = shape.channels
        self.scale = nn.Parameter(torch.ones(1))
        if shape.inputs > shape.channels:
            self.noise = nn.Parameter(torch.ones(1))

    def forward(self, history_BTCHW: torch.Tensor) -> torch.Tensor:
        """Return the last frame, repeated."""
        last = history_BTCHW[:, -1:, : self._channels]
        return (self.scale * last).expand(-1, self._steps, -1, -1, -1)
