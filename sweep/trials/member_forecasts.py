"""Forecasts of members, keyed by the initial time of each window, whatever the predictor.

Shape legend: B sample, K member, T lead, C channel, H rows, W columns. Units of the training range.
"""

from collections.abc import Callable, Sequence

import torch

from fieldsharp.model.predictors.interface import MemberForecasting
from fieldsharp.model.predictors.member_draws import MemberDraws

Tensor = torch.Tensor
Forecaster = Callable[[Tensor], Tensor]
"""From history to forecast, both in units of the training range."""


def forecast_members(
    predictor: Forecaster,
    history_BTCHW: Tensor,
    times_B: Callable[[], Sequence[int]],
    seed: int,
    members: int,
) -> Tensor:
    """Return the first members of an ensemble [B, K, T, C, H, W]; of others the only one.

    Args:
        predictor: A module or a function.
        history_BTCHW: Of each window.
        times_B: Returns a number for the initial time of each window, see ``initial_time_keys``;
            asked for by an ensemble alone.
        seed: Of the members.
        members: How many of an ensemble.
    """
    if isinstance(predictor, MemberForecasting):
        return predictor.forecast_drawn(history_BTCHW, MemberDraws(seed, range(members), times_B()))
    return predictor(history_BTCHW)[:, None]
