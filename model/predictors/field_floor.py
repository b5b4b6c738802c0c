"""The lowest value a field can have, such as no rain, as its history shows it.

Shape legend: B sample, T frame, C channel, H rows, W columns; further dimensions may stand before
the frames of a forecast. Units of the training range: 0 is the smallest training value.
"""

import torch

Tensor = torch.Tensor
LEAST_SHARE = 0.01
"""Of the cells of a history have the smallest training value where a field has a floor. The coldest
value of a temperature is that of a single cell."""
TOLERANCE = 1e-6
"""Of rounding, in units of the training range."""


def above_floor(forecast: Tensor, history_BTCHW: Tensor) -> Tensor:
    """Return a forecast [B, ..., C, H, W] that is nowhere below the floor of its history.

    What makes members differ would have rain fall below 0 wherever it is dry. Channels whose
    history shows no floor stay as they are.

    Args:
        forecast: Of each sample.
        history_BTCHW: Its history, with the same channels or more.
    """
    known = history_BTCHW[:, :, : forecast.shape[-3]]
    lowest_BC = known.amin(dim=(1, 3, 4))
    at_lowest = known <= TOLERANCE
    has_floor_BC = at_lowest.float().mean(dim=(1, 3, 4)) >= LEAST_SHARE
    floor_BC = torch.where(has_floor_BC, lowest_BC.clamp(max=0.0), -torch.inf)
    shape = (floor_BC.shape[0], *(1,) * (forecast.dim() - 4), floor_BC.shape[1], 1, 1)
    return torch.maximum(forecast, floor_BC.reshape(shape).to(forecast))
