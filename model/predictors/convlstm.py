"""Convolutional LSTM, the predictor of the original plan.

Reads the history frame by frame, then rolls itself forward, feeding on its own last frame or, in
training, on the truth (scheduled sampling). Shi et al. 2015, arXiv 1506.04214.
"""

import torch
from torch import nn

from fieldsharp.model.predictors.interface import ForecastShape

Tensor = torch.Tensor
State = list[tuple[Tensor, Tensor]]


class _Cell(nn.Module):
    def __init__(self, inputs: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.gates = nn.Conv2d(inputs + hidden, 4 * hidden, kernel, padding=kernel // 2)

    def forward(self, images_BCHW: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        hidden, cell = state
        gates = self.gates(torch.cat([images_BCHW, hidden], dim=1))
        keep, write, read, new = gates.chunk(4, dim=1)
        # Starting to forget late: the +1 is the usual forget bias.
        cell = torch.sigmoid(keep + 1.0) * cell + torch.sigmoid(write) * torch.tanh(new)
        return torch.sigmoid(read) * torch.tanh(cell), cell


class ConvLSTM(nn.Module):
    """Stacked cells at full resolution; each step predicts the increment on the frame before."""

    def __init__(
        self, shape: ForecastShape, width: int = 32, layers: int = 2, kernel: int = 3
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers must be at least 1, found {layers}")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and at least 1, found {kernel}")
        self.shape = shape
        self.width = width
        self.cells = nn.ModuleList(
            _Cell(shape.inputs if layer == 0 else width, width, kernel) for layer in range(layers)
        )
        self.head = nn.Conv2d(width, shape.channels, 1)
        nn.init.zeros_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        """Return the frames that follow [B, horizon, C, H, W], each fed on the one before."""
        return self._roll(history_BTCHW, None, None)

    def forecast_forced(
        self, history_BTCHW: Tensor, future_BTCHW: Tensor, forced_BT: Tensor
    ) -> Tensor:
        """Return the forecast; where ``forced_BT`` is True the next step starts from the truth."""
        return self._roll(history_BTCHW, future_BTCHW, forced_BT)

    def _roll(
        self, history_BTCHW: Tensor, future_BTCHW: Tensor | None, forced_BT: Tensor | None
    ) -> Tensor:
        batch, _, _, height, width = history_BTCHW.shape
        empty = history_BTCHW.new_zeros(batch, self.width, height, width)
        state = [(empty, empty) for _ in self.cells]
        for step in range(history_BTCHW.shape[1] - 1):
            _, state = self._advance(history_BTCHW[:, step], state)
        channels = self.shape.channels
        frame_BCHW = history_BTCHW[:, -1, :channels]
        # What is not predicted stays as it was last known.
        further_BCHW = history_BTCHW[:, -1, channels:]
        predicted = []
        for lead in range(self.shape.horizon):
            given_BCHW = torch.cat([frame_BCHW, further_BCHW], dim=1)
            hidden, state = self._advance(given_BCHW, state)
            frame_BCHW = frame_BCHW + self.head(hidden)
            predicted.append(frame_BCHW)
            if future_BTCHW is not None and forced_BT is not None:
                forced = forced_BT[:, lead, None, None, None]
                frame_BCHW = torch.where(forced, future_BTCHW[:, lead], frame_BCHW)
        return torch.stack(predicted, dim=1)

    def _advance(self, frame_BCHW: Tensor, state: State) -> tuple[Tensor, State]:
        features = frame_BCHW
        following: State = []
        for cell, cell_state in zip(self.cells, state, strict=True):
            hidden_state = cell(features, cell_state)
            features = hidden_state[0]
            following.append(hidden_state)
        return features, following
