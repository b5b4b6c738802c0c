"""A linear forecast fitted by least squares: what needs no net, in seconds.

The forecast of each cell is fitted to its neighbourhood of 5 x 5 cells in each history frame, and
to further inputs in the cell itself, to each lead, over all cells and training windows. Like any
least-squares forecast it blurs what cannot be predicted.

Shape legend: B batch, T frames, C channel, H rows, W columns, F predictors of one cell, N cells,
R rows of the system of equations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from fieldsharp.fields.windows import Windows

Tensor = torch.Tensor
RADIUS = 2
ROWS = 200_000
LEAST_WINDOWS = 20
CELLS_AT_ONCE = 20_000
"""Windows of small grids are taken together: one by one Python took longer than the sums."""
RIDGE = 1e-8
"""Share of the mean square of the predictors, for those that are copies of one another."""


@dataclass(frozen=True)
class LinearForecast:
    """A fitted forecast, called as a predictor is.

    Attributes:
        weights_FK: Coefficient of each predictor for each lead and channel.
        channels: First channels of the history, which are forecast.
    """

    weights_FK: Tensor
    masks_CHW: Tensor
    horizon: int
    channels: int

    def __call__(self, history_BTCHW: Tensor) -> Tensor:
        """Return the frames that follow [B, horizon, C, H, W], on the device of the history."""
        return self._forecast(history_BTCHW.cpu()).to(history_BTCHW)

    def _forecast(self, history_BTCHW: Tensor) -> Tensor:
        last_B1CHW = history_BTCHW[:, -1:, : self.channels].double()
        samples, _, channels, height, width = last_B1CHW.shape
        change = last_B1CHW.new_zeros(samples, self.horizon * channels, height, width)
        for row, predictor_BHW in enumerate(_predictors(history_BTCHW, self.masks_CHW)):
            change += self.weights_FK[row, :, None, None] * predictor_BHW[:, None]
        return last_B1CHW + change.reshape(samples, self.horizon, channels, height, width)


def fit_linear_forecast(windows: Windows, masks: Tensor, seed: int) -> LinearForecast:
    """Fit on training windows by the normal equations, in double precision on the CPU.

    On large data on some of the windows, evenly spread, and some cells, drawn with ``seed``. Each
    of several variables is fitted in its own cells, to all of them.

    Args:
        windows: Of the training part.
        masks: Cells that count [H, W], or those of each predicted variable [C, H, W].
        seed: Of the draw.
    """
    channels = windows.frames.shape[1]
    masks_CHW = masks.cpu().expand(channels, *masks.shape[-2:])
    fitted = [_fit(windows, masks_CHW, channel, seed) for channel in range(channels)]
    weights_FK = torch.stack(fitted, dim=2).flatten(1)
    return LinearForecast(weights_FK, masks_CHW, windows.settings.horizon, channels)


def _fit(windows: Windows, masks_CHW: Tensor, channel: int, seed: int) -> Tensor:
    """Return the coefficients of one variable, [F, horizon]."""
    channels = len(masks_CHW)
    rows_N, columns_N = torch.nonzero(masks_CHW[channel], as_tuple=True)
    count = min(len(windows), max(LEAST_WINDOWS, ROWS // len(rows_N)))
    chosen = torch.linspace(0, len(windows) - 1, count).round().long()
    draw = torch.Generator().manual_seed(seed)
    gram_FF = moments_FK = torch.zeros(())
    for which_B in torch.split(chosen, max(1, CELLS_AT_ONCE // masks_CHW[channel].numel())):
        history_BTCHW, future_BTCHW = (
            frames.cpu() for frames in windows.take(which_B.to(windows.starts_B.device))
        )
        drawn = [torch.randperm(len(rows_N), generator=draw) for _ in which_B]
        cells_BR = torch.stack([cells[: max(1, ROWS // count)] for cells in drawn])
        at = torch.arange(len(which_B))[:, None], rows_N[cells_BR], columns_N[cells_BR]
        x_BRF = torch.stack([p[at] for p in _predictors(history_BTCHW, masks_CHW)], dim=2)
        change_BTCHW = (future_BTCHW - history_BTCHW[:, -1:, :channels]).double()
        y_BTR = change_BTCHW[at[0], :, channel, at[1], at[2]].transpose(1, 2).contiguous()
        for x_RF, y_TR in zip(x_BRF, y_BTR, strict=True):  # summed in the order of the windows
            gram_FF = gram_FF + x_RF.T @ x_RF
            moments_FK = moments_FK + x_RF.T @ y_TR.T
    ridge = RIDGE * float(gram_FF.diagonal().mean()) * torch.eye(len(gram_FF)).double()
    weights_FK: Tensor = torch.linalg.solve(gram_FF + ridge, moments_FK)
    return weights_FK


def _predictors(history_BTCHW: Tensor, masks_CHW: Tensor) -> Iterator[Tensor]:
    """Yield the predictors of every cell [B, H, W], in double precision.

    Differences from the cell's own last value, which replaces masked neighbours;
    that value itself; the value of each further input in the same cell; and 1.
    """
    history_BTCHW = history_BTCHW.double()
    channels, height, width = masks_CHW.shape
    offsets = range(-RADIUS, RADIUS + 1)
    pad = (RADIUS,) * 4
    known_CHW = torch.nn.functional.pad(masks_CHW, pad, value=False)
    padded_BTCHW = torch.nn.functional.pad(history_BTCHW, pad)
    frames, inputs = history_BTCHW.shape[1:3]
    for channel in range(channels):
        last_BHW = history_BTCHW[:, -1, channel]
        yield last_BHW
        for frame in range(frames):
            for dy in offsets:
                for dx in offsets:
                    if frame == frames - 1 and dy == dx == 0:
                        continue  # the last value itself
                    rows = slice(RADIUS + dy, RADIUS + dy + height)
                    columns = slice(RADIUS + dx, RADIUS + dx + width)
                    difference_BHW = padded_BTCHW[:, frame, channel, rows, columns] - last_BHW
                    yield torch.where(known_CHW[channel, rows, columns], difference_BHW, 0.0)
    for channel in range(channels, inputs):
        for frame in range(frames):
            yield history_BTCHW[:, frame, channel]
    yield torch.ones_like(history_BTCHW[:, 0, 0])
