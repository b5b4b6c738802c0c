"""Samples of forecasts, checked by hand against the data they are taken from."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.initial_times import initial_time_keys
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.settings import PredictorSettings
from fieldsharp.objectives.settings import MembersJudged
from fieldsharp.sweep.trials import preview_builder
from fieldsharp.sweep.trials.evaluator import Persistence, in_physical_units
from fieldsharp.sweep.trials.member_forecasts import Forecaster, forecast_members
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.sharpening import SharpeningPlan, fit_sharpeners, training_forecasts

Doubles = npt.NDArray[np.float64]


def test_the_window_shown_has_the_median_gradient(tiny_data: ForecastData) -> None:
    observed = PreviewBuilder(tiny_data, "validation").observed()
    values_THW = tiny_data.series.values_TCHW[:, 0].astype(float)
    ends = tiny_data.validation.starts_B.numpy() + 3  # two frames of history, two ahead

    def sobel(field_HW: npt.NDArray[np.float64]) -> float:
        smooth = np.array([1.0, 2.0, 1.0]) / 8
        rows = sum(w * field_HW[i : i + 22] for i, w in enumerate(smooth))
        columns = sum(w * field_HW[:, i : i + 22] for i, w in enumerate(smooth))
        gx, gy = rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]
        inside = tiny_data.series.mask_HW
        known = np.all([inside[i : i + 22, j : j + 22] for i in range(3) for j in range(3)], axis=0)
        return float(np.hypot(gx, gy)[known].mean())

    ranked = ends[np.argsort([sobel(values_THW[end]) for end in ends])]
    inside = tiny_data.series.mask_HW
    expected = values_THW[ranked[len(ranked) // 2]][inside]
    assert observed.values_LHW[-1][inside] == pytest.approx(expected, rel=1e-5)


def test_persistence_shows_the_last_known_frame(tiny_data: ForecastData) -> None:
    sampler = PreviewBuilder(tiny_data, "validation")
    sample, observed = sampler.forecast(Persistence(2, 1)), sampler.observed()
    assert np.array_equal(sample.values_LHW[0], sample.values_LHW[1])
    assert not np.array_equal(sample.values_LHW[0], observed.values_LHW[0])
    # It has the frames of an earlier time, so nearly the same power at every scale.
    ratio = sample.power_LK.sum(axis=-1) / observed.power_LK.sum(axis=-1)
    assert ratio == pytest.approx(np.ones(2), abs=0.2)


def test_a_forecast_of_the_usual_has_no_power(tiny_data: ForecastData) -> None:
    usual_CHW = tiny_data.unit_climatology_CHW

    def usual(history_BTCHW: torch.Tensor) -> torch.Tensor:
        return usual_CHW.expand(history_BTCHW.shape[0], 2, -1, -1, -1)

    sampler = PreviewBuilder(tiny_data, "validation")
    power = sampler.forecast(usual).power_LK.sum()
    assert power < 1e-9 * sampler.observed().power_LK.sum()


def test_axes_are_those_of_the_file(tiny_data: ForecastData) -> None:
    observed = PreviewBuilder(tiny_data, "test").observed()
    assert (observed.part, observed.leads, observed.every) == ("test", (1, 2), 1)
    assert observed.ahead == ("1 h ahead", "2 h ahead")
    assert len(observed.x_W) == len(observed.y_H) == 24
    assert observed.mask_HW.shape == (24, 24)
    assert observed.wavelength_K[:3].tolist() == [np.inf, 24.0, 12.0]


def test_a_large_grid_is_thinned_and_not_averaged(
    tiny_data: ForecastData, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = PreviewBuilder(tiny_data, "validation").observed()
    monkeypatch.setattr(preview_builder, "LONGEST_SIDE", 10)
    thinned = PreviewBuilder(tiny_data, "validation").observed()
    assert thinned.every == 3
    assert np.array_equal(thinned.values_LHW, whole.values_LHW[:, ::3, ::3])
    assert np.array_equal(thinned.mask_HW, whole.mask_HW[::3, ::3])
    assert np.array_equal(thinned.x_W, whole.x_W[::3])
    assert np.array_equal(thinned.power_LK, whole.power_LK)


def at_times(data: ForecastData, time: npt.NDArray[Any]) -> ForecastData:
    """Return the same data with other times of their frames."""
    variable = replace(data.first, series=replace(data.series, time=time))
    return replace(data, predicted=(variable,))


def test_without_dates_leads_are_counted_in_steps(tiny_data: ForecastData) -> None:
    data = at_times(tiny_data, np.arange(len(tiny_data.series.time)))
    observed = PreviewBuilder(data, "validation").observed()
    assert observed.ahead == ("1 step ahead", "2 steps ahead")


def test_leads_of_monthly_data_are_counted_in_months(tiny_data: ForecastData) -> None:
    first = np.datetime64("2001-01", "M")
    months = (first + np.arange(len(tiny_data.series.time))).astype("datetime64[ns]")
    observed = PreviewBuilder(at_times(tiny_data, months), "validation").observed()
    assert observed.ahead == ("1 month ahead", "2 months ahead")


def ensemble_of(data: ForecastData) -> Forecaster:
    """An ensemble of an untrained net whose members differ."""
    torch.manual_seed(0)
    settings = PredictorSettings(name="ensemble", width=4, options={"member": "unet"})
    predictor = build_predictor(settings, ForecastShape(2, 2, 1, 24, 24))
    with torch.no_grad():
        for weights in predictor.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    assert isinstance(predictor, torch.nn.Module)
    return predictor.eval()


def members_of_the_window(data: ForecastData, predictor: Forecaster, seed: int) -> Doubles:
    """Five members of the window shown, at its two leads, physical units."""
    observed = PreviewBuilder(data, "validation").observed()
    windows = data.validation
    (first,) = (
        number
        for number in range(len(windows))
        if np.array_equal(_future(data, number)[-1], observed.values_LHW[-1])
    )
    history_BTCHW, _ = windows.take(torch.tensor([first]))
    times_B = [initial_time_keys(windows, data.series)[first]]
    with torch.no_grad():
        unit_BKTCHW = forecast_members(predictor, history_BTCHW, lambda: times_B, seed, 5)
    return in_physical_units(data, unit_BKTCHW)[0, :, :, 0].numpy()


def _future(data: ForecastData, number: int) -> npt.NDArray[np.float32]:
    _, future_BTCHW = data.validation.take(torch.tensor([number]))
    return in_physical_units(data, future_BTCHW)[0, :, 0].float().numpy()


def test_members_that_are_shown_are_those_of_the_seed_and_the_initial_time(
    tiny_data: ForecastData,
) -> None:
    predictor = ensemble_of(tiny_data)
    judged = MembersJudged(count=5, thresholds=())
    expected_KLHW = members_of_the_window(tiny_data, predictor, seed=3)

    builder = PreviewBuilder(tiny_data, "validation")
    preview = builder.forecasts(predictor, {}, seed=3, members=judged)[NO_SHARPENER]

    assert preview.members is not None
    assert preview.members.count == 5
    assert preview.members.shown_MLHW == pytest.approx(expected_KLHW[:3], rel=1e-5)
    assert np.array_equal(preview.values_LHW, preview.members.shown_MLHW[0])
    assert preview.members.mean_LHW == pytest.approx(expected_KLHW.mean(axis=0), rel=1e-5)
    spread_LHW = np.sqrt(np.square(expected_KLHW - expected_KLHW.mean(axis=0)).sum(axis=0) / 4)
    assert spread_LHW.max() > 0.1
    assert preview.members.spread_LHW == pytest.approx(spread_LHW, rel=1e-4, abs=1e-6)
    other = builder.forecasts(predictor, {}, seed=4, members=judged)[NO_SHARPENER]
    assert other.members is not None
    assert not np.array_equal(other.members.shown_MLHW, preview.members.shown_MLHW)


def test_every_member_is_sharpened_by_itself(tiny_data: ForecastData) -> None:
    predictor = ensemble_of(tiny_data)
    plan = SharpeningPlan(("inflate",), must_fit=True)
    fitted = fit_sharpeners(plan, tiny_data, training_forecasts(tiny_data, predictor, 3))
    builder = PreviewBuilder(tiny_data, "validation")

    judged = MembersJudged(count=5, thresholds=())
    preview = builder.forecasts(predictor, fitted, seed=3, members=judged)["inflate"]

    (inflate,) = fitted["inflate"].each()
    members_KLHW = torch.from_numpy(members_of_the_window(tiny_data, predictor, seed=3))
    expected_KLHW = inflate(members_KLHW[:, :, None])[:, :, 0].numpy()
    assert preview.members is not None
    assert preview.members.shown_MLHW == pytest.approx(expected_KLHW[:3], rel=1e-5)
    assert preview.members.mean_LHW == pytest.approx(expected_KLHW.mean(axis=0), rel=1e-5)


def test_a_single_forecast_has_no_members_and_an_ensemble_none_where_one_is_judged(
    tiny_data: ForecastData,
) -> None:
    builder = PreviewBuilder(tiny_data, "validation")
    judged = MembersJudged(count=5, thresholds=())
    single = builder.forecasts(Persistence(2, 1), {}, members=judged)[NO_SHARPENER]
    assert single.members is None
    assert np.array_equal(single.values_LHW, builder.forecast(Persistence(2, 1)).values_LHW)
    assert builder.forecast(ensemble_of(tiny_data)).members is None
