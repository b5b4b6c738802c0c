"""Ensembles that need no training beside the baseline: what a trained one has to be better than.

Shape legend: E error fields, B sample, K member, T lead, C variable, H rows, W columns. Units of
the training range.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from fieldsharp.fields.device_copies import send
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.windows import Windows
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.objectives.members.result import CLIMATOLOGY, DRESSED, MembersResult
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.member_forecasts import Forecaster
from fieldsharp.sweep.trials.sharpening import TrainingForecasts, training_forecasts
from fieldsharp.sweep.trials.variable_statistics import WindowsOfVariables

Tensor = torch.Tensor
LOWEST = 0.0
"""The smallest training value: errors are not added beyond it, so that rain is not negative."""


class DrawnFields:
    """An ensemble whose members are made of fields that are drawn at random.

    Args:
        count: How many fields there are.
        members: From histories [B, ...] and the numbers of the fields drawn [B, K] to members.
    """

    def __init__(self, count: int, members: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._count = count
        self._members = members

    def __call__(self, history_BTCHW: Tensor) -> Tensor:
        """Return one member."""
        return self.forecast_members(history_BTCHW)[:, 0]

    def forecast_members(self, history_BTCHW: Tensor) -> Tensor:
        """Return one member [B, 1, T, C, H, W], the same for every window."""
        times_B = (0,) * len(history_BTCHW)
        return self.forecast_drawn(history_BTCHW, MemberDraws(0, (0,), times_B))

    def forecast_drawn(self, history_BTCHW: Tensor, draws: MemberDraws) -> Tensor:
        """Return the members that were asked for; those of a sample have different fields."""
        each = len(draws.members)
        generators = draws.generators()[::each]
        drawn_BK = torch.stack(
            [
                torch.randperm(self._count, generator=draw)[:each]
                if self._count >= each
                else torch.randint(self._count, (each,), generator=draw)
                for draw in generators
            ]
        )
        return self._members(history_BTCHW, drawn_BK)


def climatological(windows: Windows) -> DrawnFields:
    """Return the ensemble of what was observed in training windows."""
    if windows.from_file:  # where the file is read, so that nobody waits for the device
        windows = replace(windows, starts_B=windows.starts_B.cpu())

    def members(_: Tensor, drawn_BK: Tensor) -> Tensor:
        which = send(drawn_BK.flatten(), windows.index_device, torch.int64)
        _, future_BTCHW = windows.take(which)
        return future_BTCHW.reshape(*drawn_BK.shape, *future_BTCHW.shape[1:])

    return DrawnFields(len(windows), members)


def dressed(predictor: Forecaster, errors_ETCHW: Tensor) -> DrawnFields:
    """Return the ensemble of a forecast with errors added to it, a field for all its leads."""

    def members(history_BTCHW: Tensor, drawn_BK: Tensor) -> Tensor:
        forecast_BTCHW = predictor(history_BTCHW)
        drawn_BK = send(drawn_BK, errors_ETCHW.device, torch.int64)
        errors_BKTCHW = errors_ETCHW[drawn_BK].to(forecast_BTCHW)
        return (forecast_BTCHW[:, None] + errors_BKTCHW).clamp(min=LOWEST)

    return DrawnFields(len(errors_ETCHW), members)


def member_references(
    predictor: Forecaster, data: ForecastData, forecasts: TrainingForecasts, judged: MetricValues
) -> Mapping[str, DrawnFields]:
    """Return the ensembles that need no training beside the baseline's, by name.

    Errors of training windows are smaller than those of new ones. They are raised to the root mean
    square that the baseline's errors have where the ensembles are judged, at each lead and of each
    variable: with that the reference knows more than a trained ensemble does.

    Args:
        predictor: The baseline.
        data: Whose variables are predicted.
        forecasts: Of training windows.
        judged: Metrics of the baseline where the ensembles are judged.
    """
    errors = []
    for channel, (variable, values) in enumerate(zip(data.predicted, judged.each(), strict=True)):
        error_ETHW = (forecasts.target_BTCHW - forecasts.pred_BTCHW)[:, :, channel]
        size_T = error_ETHW[..., variable.mask_HW.to(error_ETHW.device)].square()
        rmse_T = size_T.mean(dim=(0, 2)).sqrt()
        wanted_T = torch.tensor(values.by_lead["rmse"], dtype=torch.float64).to(rmse_T)
        raised_T = torch.where(rmse_T > 0, wanted_T / rmse_T.clamp(min=1e-300), 1.0)
        scaling = variable.scaling
        unit = error_ETHW * raised_T[:, None, None] / (scaling.high - scaling.low)
        errors.append(unit.float())
    return {
        DRESSED: dressed(predictor, torch.stack(errors, dim=2)),
        CLIMATOLOGY: climatological(data.train),
    }


def evaluate_member_references(
    evaluator: Evaluator,
    predictor: Forecaster,
    judged: MetricValues,
    seed: int,
    *,
    detail: bool = True,
    by_window: WindowsOfVariables | None = None,
    of_members: dict[str, MembersResult] | None = None,
) -> dict[str, MetricValues]:
    """Return the metrics of the ensembles that need no training beside the baseline's, by name.

    Args:
        evaluator: Of the windows that they are judged on.
        predictor: The baseline.
        judged: Its metrics there.
        seed: Of its training, which their members are drawn with.
        detail: Whether metrics are computed too that no score or guard uses.
        by_window: Given all forecasts, for the statistics of each window.
        of_members: Takes the scores of all members, by name.
    """
    forecasts = training_forecasts(evaluator.data, predictor, seed)
    found: dict[str, MetricValues] = {}
    for name, ensemble in member_references(predictor, evaluator.data, forecasts, judged).items():
        found |= evaluator.evaluate_sharpened(
            ensemble,
            {},
            seed=seed,
            detail=detail,
            by_window=by_window,
            of_members=of_members,
            name=name,
        )
    return found
