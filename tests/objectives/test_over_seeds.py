"""Leads and intervals over seeds and windows, beside those of SciPy and on a known truth."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from scipy.signal import lfilter

from fieldsharp.objectives.leads import over_seeds, resampling
from fieldsharp.objectives.leads.intervals import sharpness_intervals
from fieldsharp.objectives.leads.lead import SIGNIFICANCE
from fieldsharp.objectives.leads.over_seeds import (
    ForecastsOverSeeds,
    SeedForecasts,
    TrainedForecast,
)
from fieldsharp.objectives.leads.seed_draws import SeedDraws, standard_error
from fieldsharp.objectives.leads.window_statistics import ForecastWindows, ObservedWindows, Series
from fieldsharp.objectives.targets import Band, Targets

FloatArray = npt.NDArray[np.float64]
TARGETS = Targets(Band(0.95, 1.05), Band(0.95, 1.05, 0.0))
RMSE_WEIGHT = 0.25
PHI = 0.5


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 400)
    monkeypatch.setattr(over_seeds, "RESAMPLES", 400)


def series(values_W: FloatArray) -> Series:
    return Series.of(values_W, np.ones(len(values_W), dtype=np.int64))


def forecast(gradient_W: FloatArray, squared_error_W: FloatArray) -> ForecastWindows:
    """A forecast whose peak is its gradient."""
    return ForecastWindows(
        gradient=series(gradient_W), peak=series(gradient_W), squared_error=series(squared_error_W)
    )


def observed(gradient_W: FloatArray, span: int = 2) -> ObservedWindows:
    return ObservedWindows(
        gradient=series(gradient_W),
        peak=series(gradient_W),
        mean=series(np.zeros(len(gradient_W))),
        sizes=[1] * len(gradient_W),
        stretches=[0],
        span=span,
    )


def autoregressive(rng: np.random.Generator, windows: int) -> FloatArray:
    noise = rng.standard_normal(windows + 100)
    values: FloatArray = lfilter([np.sqrt(1 - PHI**2)], [1, -PHI], noise)[100:]
    return values


def over(
    observed_W: FloatArray, *seeds: tuple[ForecastWindows, Mapping[str, TrainedForecast]]
) -> ForecastsOverSeeds:
    return ForecastsOverSeeds(
        [observed(observed_W)],
        TARGETS,
        RMSE_WEIGHT,
        0,
        [SeedForecasts([baseline], forecasts) for baseline, forecasts in seeds],
    )


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_departures_over_seeds_have_students_distribution(seeds: int) -> None:
    values_SK = np.random.default_rng(1).normal(size=(seeds, 2))
    departures_RK = SeedDraws(seeds, 40_000, 3).departures(values_SK)
    for k in range(2):
        error = float(stats.sem(values_SK[:, k]))
        assert float(standard_error(values_SK)[k]) == pytest.approx(error)
        expected = stats.t(seeds - 1, scale=error).ppf([0.05, 0.25, 0.5, 0.75, 0.95])
        found = np.quantile(departures_RK[:, k], [0.05, 0.25, 0.5, 0.75, 0.95])
        assert found == pytest.approx(expected, rel=0.06, abs=0.03 * error)


def test_departures_of_two_forecasts_are_as_correlated_as_their_seeds() -> None:
    rng = np.random.default_rng(2)
    first_S = rng.normal(size=6)
    values_SK = np.stack([first_S, first_S + 0.5 * rng.normal(size=6)], axis=1)
    departures_RK = SeedDraws(6, 40_000, 3).departures(values_SK)
    expected = stats.pearsonr(values_SK[:, 0], values_SK[:, 1]).statistic
    found = stats.pearsonr(departures_RK[:, 0], departures_RK[:, 1]).statistic
    assert found == pytest.approx(expected, abs=0.03)


def test_leads_are_means_over_seeds_in_which_a_broken_guard_is_no_gain() -> None:
    flat_W = np.ones(40)
    baseline = forecast(0.8 * flat_W, flat_W)
    good = TrainedForecast([forecast(0.9 * flat_W, 1.21 * flat_W)], feasible=True)
    broken = TrainedForecast([forecast(1.0 * flat_W, 0.5 * flat_W)], feasible=False)
    failed = TrainedForecast(None, feasible=False)
    as_it_is = TrainedForecast([baseline], feasible=True)
    given = over(
        flat_W,
        *((baseline, {"a": one, "baseline": as_it_is}) for one in (good, broken, failed, good)),
    )
    (lead,) = given.leads(["a"], "baseline")
    of_baseline = 2 * np.log(0.95 / 0.8)
    of_good = 2 * np.log(0.95 / 0.9) + RMSE_WEIGHT * (1.1 - 1.0)
    assert lead.score == pytest.approx((of_baseline - of_good) / 2, rel=1e-6)
    assert lead.rmse == pytest.approx((1.0 - 1.1) / 2, rel=1e-6)


def _null(rng: np.random.Generator, seeds: int, candidates: int) -> ForecastsOverSeeds:
    """Candidates, references and the baseline that differ by seed alone."""
    truth_W = np.exp(0.2 * autoregressive(rng, 60))

    def trained() -> ForecastWindows:
        level = np.exp(0.05 * rng.standard_normal())
        gradient_W = 0.85 * truth_W * level * np.exp(0.1 * autoregressive(rng, 60))
        return forecast(gradient_W, level * np.exp(0.3 * autoregressive(rng, 60)))

    found = []
    for _ in range(seeds):
        baseline = trained()
        names = {
            f"trial {k}": TrainedForecast([trained()], feasible=True) for k in range(candidates)
        }
        found.append((baseline, {**names, "baseline": TrainedForecast([baseline], feasible=True)}))
    return over(truth_W, *found)


@pytest.mark.usefixtures("few_resamples")
@pytest.mark.parametrize("seeds", [3, 5])
def test_where_nothing_is_better_hardly_ever_one_is_told_apart(seeds: int) -> None:
    rng = np.random.default_rng(4)
    false, told = 0, 0
    for _ in range(100):
        given = _null(rng, seeds, candidates=3)
        leads = given.leads(["trial 0", "trial 1", "trial 2"], "baseline")
        chances = [c for one in leads for c in (one.score_chance, one.rmse_chance) if c is not None]
        told += bool(chances)
        false += any(chance < SIGNIFICANCE for chance in chances)
    assert told > 80
    assert false <= 0.09 * told  # 5 % and two standard errors of so many draws


@pytest.mark.usefixtures("few_resamples")
def test_a_large_lead_is_told_apart() -> None:
    rng = np.random.default_rng(5)
    truth_W = np.exp(0.2 * autoregressive(rng, 60))
    found = []
    for _ in range(3):
        level = np.exp(0.02 * rng.standard_normal())
        baseline = forecast(0.8 * truth_W * level, np.ones(60))
        better = forecast(0.93 * truth_W * level, np.ones(60))
        found.append(
            (
                baseline,
                {
                    "a": TrainedForecast([better], feasible=True),
                    "baseline": TrainedForecast([baseline], feasible=True),
                },
            )
        )
    (lead,) = over(truth_W, *found).leads(["a"], "baseline")
    assert lead.score_chance is not None
    assert lead.score_chance < 0.01


def test_few_windows_or_a_single_seed_tell_no_chance_and_no_interval() -> None:
    rng = np.random.default_rng(6)
    one_seed = _null(rng, 1, candidates=1)
    assert one_seed.leads(["trial 0"], "baseline")[0].score_chance is None
    assert sharpness_intervals(one_seed, "trial 0")[0].gradient.low is None
    flat_W = np.exp(0.1 * autoregressive(rng, 12))
    baseline = forecast(0.8 * flat_W, np.ones(12))
    same = {"baseline": TrainedForecast([baseline], feasible=True)}
    few = over(flat_W, (baseline, same), (baseline, same))
    assert few.blocks < 10
    interval = sharpness_intervals(few, "baseline")[0].gradient
    assert (interval.low, interval.high) == (None, None)
    assert interval.value == pytest.approx(0.8, rel=1e-6)


@pytest.mark.usefixtures("few_resamples")
@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_cover_the_truth(seeds: int) -> None:
    """Ratio of means over all windows and seeds: 0.9 exp(0.1^2 / 2), half of that for the RMSE."""
    rng = np.random.default_rng(7)
    covered = {"gradient": 0, "rmse": 0}
    true = {"gradient": 0.9 * np.exp(0.1**2 / 2), "rmse": np.exp(0.1**2 / 4)}
    told = 0
    for _ in range(150):
        truth_W = np.exp(0.2 * autoregressive(rng, 60))
        common_W = 0.1 * autoregressive(rng, 60)
        error_W = np.exp(0.3 * autoregressive(rng, 60))
        baseline = forecast(0.8 * truth_W, error_W)
        found = []
        for _ in range(seeds):
            level = 0.02 * rng.standard_normal()
            one = forecast(
                0.9 * truth_W * np.exp(level + common_W), error_W * np.exp(2 * level + common_W)
            )
            found.append((baseline, {"a": TrainedForecast([one], feasible=True)}))
        (figures,) = sharpness_intervals(over(truth_W, *found), "a")
        told += figures.gradient.low is not None
        for name in covered:
            interval = getattr(figures, name)
            if interval.low is not None:
                covered[name] += interval.low <= true[name] <= interval.high
    assert told > 100
    for name, count in covered.items():
        assert count >= 0.9 * told, name
        assert count < told, f"intervals of {name} are too wide to tell anything"


def test_a_forecast_that_failed_with_every_seed_has_no_interval() -> None:
    flat_W = np.ones(40)
    baseline = forecast(flat_W, flat_W)
    given = over(flat_W, (baseline, {"a": TrainedForecast(None, feasible=False)}))
    with pytest.raises(ValueError, match="a failed with every seed"):
        sharpness_intervals(given, "a")
