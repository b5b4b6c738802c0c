"""A forecast of any length: each round is fed the forecast of the one before.

Shape legend: N frames, B batch of one, K member, T frames of a round, C channel, H rows, W columns.
"""

import numpy as np
import torch
from torch import nn

from fieldsharp.fields.variables import Variables
from fieldsharp.model.predictors.interface import MemberForecasting
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.sweep.results.forecast_inputs import ForecastInputs
from fieldsharp.sweep.results.run_folder import TrainedRun


def roll_out(
    trained: TrainedRun,
    variables: Variables,
    inputs: ForecastInputs,
    steps: int,
    member: int,
    seed: int | None,
) -> torch.Tensor:
    """Return so many predicted frames [N, C, H, W] in units of the training range.

    Masked cells are filled as in training: their predicted values were never trained. What a member
    draws depends on the seed, its number and the last known time of each round alone.

    Args:
        trained: A loaded run folder.
        variables: Its variables, in the units of the training.
        inputs: What the predictor is given.
        steps: Frames to predict.
        member: Number of the member.
        seed: Of its draws; None for a predictor that draws nothing.
    """
    mask_CHW = torch.from_numpy(np.stack([one.mask_HW for one in variables.predicted]))
    fills = [scaling.to_unit(torch.tensor(scaling.fill)).float() for scaling in trained.scalings]
    fill_C11 = torch.stack(fills)[:, None, None]
    known_BTCHW = inputs.known_SCHW[None]
    predicted: list[torch.Tensor] = []
    done = 0
    while done < steps:
        history_BTCHW = inputs.with_further(known_BTCHW, first=done)
        draws = None
        if seed is not None:
            draws = MemberDraws(seed, (member,), (inputs.time_key(done),))
        future_BTCHW = _forecast(trained.predictor, history_BTCHW, draws)
        future_BTCHW = torch.where(mask_CHW, future_BTCHW, fill_C11)
        predicted.append(future_BTCHW)
        done += future_BTCHW.shape[1]
        known_BTCHW = torch.cat([known_BTCHW, future_BTCHW], dim=1)[:, -known_BTCHW.shape[1] :]
    return torch.cat(predicted, dim=1)[0, :steps]


def _forecast(
    predictor: nn.Module, history_BTCHW: torch.Tensor, draws: MemberDraws | None
) -> torch.Tensor:
    if draws is None:
        called: torch.Tensor = predictor(history_BTCHW)
        return called
    assert isinstance(predictor, MemberForecasting), "only such a predictor has a seed"
    return predictor.forecast_drawn(history_BTCHW, draws)[:, 0]
