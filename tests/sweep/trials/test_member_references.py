"""Ensembles without training, and the evaluation of ensembles, on small real data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.initial_times import initial_time_keys
from fieldsharp.fields.masked_statistics import training_levels
from fieldsharp.model.predictors.ensemble import Ensemble
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads.window_statistics import Series
from fieldsharp.objectives.members.result import CLIMATOLOGY, DRESSED, MembersResult
from fieldsharp.objectives.settings import MembersJudged
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.member_references import (
    DrawnFields,
    climatological,
    dressed,
    member_references,
)
from fieldsharp.sweep.trials.sharpening import TrainingForecasts, training_forecasts
from fieldsharp.sweep.trials.trial import forecast_shape

Tensor = torch.Tensor
JUDGED = MembersJudged(count=4, thresholds=(0.9,))


def numbers(count: int) -> DrawnFields:
    """Members that are the numbers of the fields they are drawn from."""
    return DrawnFields(count, lambda _, drawn_BK: drawn_BK[:, :, None].double())


def drawn(fields: DrawnFields, times: tuple[int, ...], members: int = 4, seed: int = 0) -> Tensor:
    history = torch.zeros(len(times), 1)
    return fields.forecast_drawn(history, MemberDraws(seed, range(members), times))[..., 0]


def test_the_members_of_a_window_are_different_fields() -> None:
    for found in drawn(numbers(6), tuple(range(50)), members=6):
        assert sorted(found.tolist()) == [0, 1, 2, 3, 4, 5]
    few = drawn(numbers(2), (1, 2, 3), members=5)  # there are not so many
    assert few.shape == (3, 5)
    assert set(few.flatten().tolist()) == {0.0, 1.0}


def test_they_depend_on_seed_and_initial_time_and_on_no_batch() -> None:
    fields = numbers(1000)
    whole = drawn(fields, (7, 8, 9))
    assert torch.equal(drawn(fields, (9,))[0], whole[2])
    assert torch.equal(drawn(fields, (8, 7)), whole[[1, 0]])
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(drawn(fields, (7, 8, 9), seed=1), whole)
    # More members begin with the same ones.
    assert torch.equal(drawn(fields, (7,), members=8)[:, :4], whole[:1])


def test_a_climatological_member_is_what_was_observed_in_a_training_window(
    tiny_data: ForecastData,
) -> None:
    windows = tiny_data.train
    _, observed = windows.take(torch.arange(len(windows)))
    members = climatological(windows).forecast_drawn(
        observed[:3], MemberDraws(0, range(4), (1, 2, 3))
    )
    assert members.shape == (3, 4, *observed.shape[1:])
    for member in members.flatten(0, 1):
        assert sum(bool(torch.equal(member, one)) for one in observed) == 1


def test_a_dressed_member_is_forecast_and_error_and_never_below_the_smallest_value() -> None:
    errors = torch.tensor([-0.5, 0.25, 2.0])[:, None, None, None, None].expand(3, 2, 1, 4, 4)
    ensemble = dressed(lambda history: history + 0.125, errors)
    history = torch.zeros(2, 2, 1, 4, 4)
    members = ensemble.forecast_drawn(history, MemberDraws(0, range(3), (5, 6)))
    for of_window in members:
        assert sorted(of_window[:, 0, 0, 0, 0].tolist()) == [0.0, 0.375, 2.125]
        assert torch.equal(of_window, of_window[:, :1, :, :1, :1].expand_as(of_window))


def test_errors_are_raised_to_those_of_the_baseline_at_each_lead(tiny_data: ForecastData) -> None:
    """The last known frame is the baseline here."""
    persistence = Persistence.of(tiny_data)
    baseline = Evaluator(tiny_data, tiny_data.validation).evaluate(persistence)
    of_training = training_forecasts(tiny_data, persistence, seed=0)
    target, mask = of_training.target_BTCHW, tiny_data.mask_HW
    # Half of them, at the second lead a tenth: as of a net that knows its training windows.
    shares = torch.tensor([0.5, *[0.1] * (target.shape[1] - 1)])[:, None, None, None]
    learnt = TrainingForecasts(target + shares * (of_training.pred_BTCHW - target), target)
    found = member_references(persistence, tiny_data, learnt, baseline)
    assert set(found) == {DRESSED, CLIMATOLOGY}
    history, _ = tiny_data.validation.take(torch.arange(1))
    high = torch.full_like(history, 10.0)  # so that no error is cut off
    every = len(target)
    members = found[DRESSED].forecast_drawn(high, MemberDraws(0, range(every), (1,)))
    scaling = tiny_data.scaling
    errors = (members - persistence(high)[:, None])[0, :, :, 0][..., mask]
    rmse_T = errors.double().square().mean(dim=(0, 2)).sqrt() * (scaling.high - scaling.low)
    assert rmse_T.tolist() == pytest.approx(baseline.by_lead["rmse"], rel=1e-4)


def test_thresholds_are_quantiles_of_the_training_cells(tiny_data: ForecastData) -> None:
    series, frames = tiny_data.series, tiny_data.split.train
    cells = np.asarray(series.values_TCHW)[frames.start : frames.stop, 0][:, series.mask_HW]
    found = training_levels(series, frames, (0.5, 0.9, 0.99))
    assert found == pytest.approx(np.quantile(cells.astype(float), (0.5, 0.9, 0.99)).tolist())


# --- The evaluator --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ensemble(tiny_config: SweepConfig, tiny_data: ForecastData) -> Ensemble:
    """A net that was not trained."""
    run = tiny_config.run_with({"predictor.name": "ensemble"})
    torch.manual_seed(0)
    built = build_predictor(run.predictor, forecast_shape(tiny_data, run))
    assert isinstance(built, Ensemble)
    return built


def test_members_are_judged_together_where_that_is_asked_for(
    ensemble: Ensemble, tiny_data: ForecastData
) -> None:
    validation = tiny_data.validation
    results: dict[str, MembersResult] = {}
    evaluator = Evaluator(tiny_data, validation, JUDGED)
    by_window = evaluator.window_accumulation()
    values = evaluator.evaluate_sharpened(ensemble, {}, of_members=results, by_window=by_window)[
        NO_SHARPENER
    ]
    assert values.is_of_members
    times = initial_time_keys(validation, tiny_data.series)
    history, future = validation.take(torch.arange(len(validation)))
    with torch.no_grad():
        unit = ensemble.forecast_drawn(history, MemberDraws(0, range(4), times))
    members = tiny_data.to_physical(unit.flatten(0, 1)).reshape(unit.shape)
    truth = tiny_data.to_physical(future)
    mask = tiny_data.mask_HW
    away = (members.mean(dim=1) - truth)[..., mask]
    assert values.overall["rmse_of_mean"] == pytest.approx(math.sqrt(float(away.square().mean())))
    variance = float(members.var(dim=1)[..., mask].mean())
    assert values.overall["spread"] == pytest.approx(math.sqrt(5 / 4 * variance))
    result = results[NO_SHARPENER]
    assert (result.overall.members, result.overall.windows) == (4, len(validation))
    assert result.overall.crps == pytest.approx(values.overall["crps"])
    levels = training_levels(tiny_data.series, tiny_data.split.train, JUDGED.thresholds)
    assert [event.threshold for event in result.overall.events] == levels
    assert [one.crps for one in result.by_lead] == pytest.approx(values.by_lead["crps"])

    statistics = by_window.statistics()
    windows = statistics.forecasts[NO_SHARPENER]
    for series, name in ((windows.crps, "crps"), (windows.variogram, "variogram_score")):
        assert series is not None
        assert len(series.values_W()) == len(validation)
        assert float(series.values_W().mean()) == pytest.approx(values.overall[name])
    assert windows.is_finite
    assert statistics.observed is not None
    diverged = windows.crps
    assert diverged is not None
    values_W = diverged.values_W()
    values_W[0] = np.nan
    broken = Series.of(values_W, np.ones(len(values_W), dtype=np.int64))
    assert not windows.model_copy(update={"crps": broken}).is_finite


def test_else_the_first_member_is_judged_as_any_forecast(
    ensemble: Ensemble, tiny_data: ForecastData
) -> None:
    validation = tiny_data.validation
    values = Evaluator(tiny_data, validation).evaluate(ensemble)
    assert not values.is_of_members
    times = initial_time_keys(validation, tiny_data.series)
    history, future = validation.take(torch.arange(len(validation)))
    with torch.no_grad():
        first = ensemble.forecast_drawn(history, MemberDraws(0, (0,), times))[:, 0]
    away = (tiny_data.to_physical(first) - tiny_data.to_physical(future))[..., tiny_data.mask_HW]
    assert values.overall["rmse"] == pytest.approx(math.sqrt(float(away.square().mean())))


def test_a_single_forecast_has_its_mean_absolute_error_as_crps(tiny_data: ForecastData) -> None:
    persistence = Persistence.of(tiny_data)
    results: dict[str, MembersResult] = {}
    evaluator = Evaluator(tiny_data, tiny_data.validation, JUDGED)
    values = evaluator.evaluate_sharpened(persistence, {}, of_members=results)[NO_SHARPENER]
    assert not values.is_of_members
    assert values.crps == values.overall["mae"]
    assert results == {}
