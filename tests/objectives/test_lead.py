"""Leads over the best reference, and how likely chance makes them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import lfilter

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads import resampling
from fieldsharp.objectives.leads.comparison import (
    ComparedForecast,
    Comparison,
    leads_over_references,
)
from fieldsharp.objectives.leads.lead import AS_IT_IS, Lead
from fieldsharp.objectives.leads.reality_check import Measure, adjusted_chances, widening
from fieldsharp.objectives.leads.window_statistics import ForecastWindows, ObservedWindows, Series
from fieldsharp.objectives.score import score_forecast
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Band, Targets, resolve_targets

FloatArray = npt.NDArray[np.float64]
PHI = 0.5
SPAN = 4


@dataclass(frozen=True)
class Truth:
    """A truth whose gradient and peak vary from window to window."""

    gradient_W: FloatArray
    peak_W: FloatArray
    mean_W: FloatArray

    @property
    def targets(self) -> Targets:
        return resolve_targets(
            ObjectiveSettings(),
            {
                "gradient_observed": float(self.gradient_W.mean()),
                "peak_observed": float(self.peak_W.mean()),
                "mean_observed": float(self.mean_W.mean()),
            },
        )

    @property
    def observed(self) -> ObservedWindows:
        return ObservedWindows(
            gradient=_series(self.gradient_W),
            peak=_series(self.peak_W),
            mean=_series(self.mean_W),
            sizes=[1] * len(self.mean_W),
            stretches=[0],
            span=SPAN,
        )


def _series(values_W: FloatArray) -> Series:
    return Series.of(values_W, np.ones(len(values_W), dtype=np.int64))


def _noise(windows: int, rng: np.random.Generator) -> FloatArray:
    """Windows of a span that share frames, of an autoregression."""
    frames = lfilter([1.0], [1.0, -PHI], rng.normal(size=windows + 50))[50 - SPAN + 1 :]
    return np.asarray(np.convolve(frames, np.full(SPAN, 0.4), mode="valid"))


def _truth(windows: int, rng: np.random.Generator) -> Truth:
    common_W = _noise(windows, rng)
    return Truth(
        gradient_W=1.0 + 0.1 * common_W,
        peak_W=300.0 + 0.5 * common_W + 0.5 * _noise(windows, rng),
        mean_W=290.0 + 0.2 * _noise(windows, rng),
    )


def _forecast(
    truth: Truth, rng: np.random.Generator, share: float = 0.85, error: float = 1.0
) -> ForecastWindows:
    windows = len(truth.mean_W)
    above_W = truth.peak_W - truth.mean_W
    squared_error_W = error**2 * np.maximum(0.01, 1.0 + 0.2 * _noise(windows, rng))
    return ForecastWindows(
        gradient=_series(share * truth.gradient_W * (1.0 + 0.02 * _noise(windows, rng))),
        peak=_series(truth.mean_W + share * above_W * (1.0 + 0.02 * _noise(windows, rng))),
        squared_error=_series(squared_error_W),
    )


def _by_hand(
    windows: ForecastWindows, truth: Truth, baseline: ForecastWindows, weights_W: FloatArray
) -> float:
    """Return the score of weighted windows by the function that scores whole splits."""
    objective = ObjectiveSettings()
    rmse = math.sqrt(weights_W @ windows.squared_error.values_W())
    targets = resolve_targets(
        objective,
        {
            "gradient_observed": float(weights_W @ truth.gradient_W),
            "peak_observed": float(weights_W @ truth.peak_W),
            "mean_observed": float(weights_W @ truth.mean_W),
        },
    )
    metrics = {
        "gradient": float(weights_W @ windows.gradient.values_W()),
        "peak": float(weights_W @ windows.peak.values_W()),
        "rmse": rmse,
    }
    of_baseline = math.sqrt(weights_W @ baseline.squared_error.values_W())
    return score_forecast(metrics, targets, of_baseline, objective.rmse_weight).total


def _compared(
    truth: Truth, windows: Mapping[str, ForecastWindows], baseline: ForecastWindows, name: str
) -> ComparedForecast:
    even_W = np.full(len(truth.mean_W), 1.0 / len(truth.mean_W))
    score = _by_hand(windows[name], truth, baseline, even_W)
    rmse = math.sqrt(windows[name].squared_error.values_W().mean())
    return ComparedForecast(score=score, rmse=rmse, sharpener=name, windows=windows)


def _comparison(
    truth: Truth, baseline: Mapping[str, ForecastWindows], *trials: Mapping[str, ForecastWindows]
) -> Comparison:
    plain = baseline[AS_IT_IS]
    return Comparison(
        references=[_compared(truth, baseline, plain, name) for name in baseline],
        trials={
            number: _compared(truth, windows, plain, next(iter(windows)))
            for number, windows in enumerate(trials, 1)
        },
        observed=truth.observed,
        targets=truth.targets,
        rmse_weight=0.25,
        seed=3,
    )


def test_the_plain_reference_has_the_name_of_no_sharpener() -> None:
    assert AS_IT_IS == NO_SHARPENER


def test_chances_are_those_of_a_loop_over_resampled_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The score of every resample by the function that scores splits, targets resolved anew."""
    monkeypatch.setattr(resampling, "RESAMPLES", 400)
    drawn: list[FloatArray] = []

    def draw(sizes_W: FloatArray, length: float, seed: int) -> FloatArray:
        assert SPAN <= length < 8
        assert seed == 3
        drawn.append(resampling.resampled_weights(sizes_W, length, seed))
        return drawn[-1]

    monkeypatch.setattr("fieldsharp.objectives.leads.comparison.resampled_weights", draw)
    rng = np.random.default_rng(0)
    truth = _truth(160, rng)
    baseline = {name: _forecast(truth, rng, share) for name, share in ((AS_IT_IS, 0.8), ("a", 0.9))}
    trials = [
        {name: _forecast(truth, rng, share) for name, share in (("a", 0.905), ("b", 0.9))}
        for _ in range(3)
    ]
    comparison = _comparison(truth, baseline, *trials)
    found = leads_over_references(comparison)

    (weights,) = drawn
    blocks = found[0].blocks
    assert blocks is not None
    assert 160 / 8 <= blocks <= 160 / SPAN
    forecasts = [one for trial in trials for one in trial.values()]

    def ahead(weights_W: FloatArray) -> list[float]:
        reference = _by_hand(baseline["a"], truth, baseline[AS_IT_IS], weights_W)
        return [
            reference - _by_hand(one, truth, baseline[AS_IT_IS], weights_W) for one in forecasts
        ]

    def rmse_ahead(weights_W: FloatArray) -> list[float]:
        reference = weights_W @ baseline["a"].squared_error.values_W()
        return [
            1 - math.sqrt(weights_W @ one.squared_error.values_W() / reference) for one in forecasts
        ]

    even_W = np.full(160, 1 / 160)
    whole_K, rmse_K = np.array(ahead(even_W)), np.array(rmse_ahead(even_W))
    score_RK = np.array([ahead(w) for w in weights])
    rmse_RK = np.array([rmse_ahead(w) for w in weights])
    errors = score_RK.std(axis=0), rmse_RK.std(axis=0)
    units = [np.maximum(errors_K, np.median(errors_K)) for errors_K in errors]
    departures_R = np.maximum(
        ((score_RK - whole_K) / units[0]).max(axis=1), ((rmse_RK - rmse_K) / units[1]).max(axis=1)
    )
    best = int(whole_K[::2].argmax())
    leads = np.r_[whole_K / units[0], rmse_K / units[1]]
    of_best = leads[2 * best]
    assert leads.argmax() == 2 * best, "so that nothing leaves the comparison"
    as_large = (widening(blocks) * departures_R >= of_best).sum()
    assert found[best].score_chance == pytest.approx((1 + as_large) / 401)
    assert [one.score for one in found] == pytest.approx(whole_K[::2], abs=1e-12)
    assert {one.reference for one in found} == {"a"}
    assert {one.compared for one in found} == {6}


def test_a_trial_that_is_better_is_told_from_many_that_are_not() -> None:
    rng = np.random.default_rng(1)
    truth = _truth(300, rng)
    level = [{AS_IT_IS: _forecast(truth, rng, 0.85)} for _ in range(20)]
    comparison = _comparison(
        truth,
        {AS_IT_IS: _forecast(truth, rng, 0.85)},
        {AS_IT_IS: _forecast(truth, rng, 0.9)},
        *level,
    )
    first, *others = leads_over_references(comparison)
    assert first.score > 0.05
    assert first.score_chance is not None
    assert first.score_chance < 0.01
    assert first.more_than_chance
    assert not any(one.more_than_chance for one in others)
    assert f"ahead of the baseline by {first.score:.3f} in score (chance 0.0" in first.words


def test_scores_that_are_equal_but_for_chance_are_told_apart_by_the_rmse() -> None:
    rng = np.random.default_rng(2)
    truth = _truth(400, rng)
    comparison = _comparison(
        truth,
        {AS_IT_IS: _forecast(truth, rng, 0.85), "unsharp": _forecast(truth, rng, 1.0)},
        {AS_IT_IS: _forecast(truth, rng, 1.0, error=0.85)},
        {AS_IT_IS: _forecast(truth, rng, 1.0)},
    )
    better, level = leads_over_references(comparison)
    assert better.score_chance is not None
    assert better.score_chance > 0.05
    assert better.rmse == pytest.approx(0.15, abs=0.05)
    assert better.more_than_chance
    assert "in RMSE (chance 0.0" in better.words
    assert not level.more_than_chance


def test_no_lead_is_claimed_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 5 % one sweep in twenty may; of forty at most five, but for a chance of 1 %."""
    monkeypatch.setattr(resampling, "RESAMPLES", 300)
    false_alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = _truth(150, rng)
        trials = [{name: _forecast(truth, rng) for name in (AS_IT_IS, "unsharp")} for _ in range(6)]
        found = leads_over_references(_comparison(truth, {"none": _forecast(truth, rng)}, *trials))
        assert not any(one.provisional for one in found)
        false_alarms += any(one.more_than_chance for one in found)
    assert false_alarms <= 5


def test_with_few_independent_windows_a_lead_is_provisional() -> None:
    rng = np.random.default_rng(3)
    truth = _truth(30, rng)
    comparison = _comparison(
        truth,
        {AS_IT_IS: _forecast(truth, rng, 0.85)},
        {AS_IT_IS: _forecast(truth, rng, 0.9)},
        {AS_IT_IS: _forecast(truth, rng, 0.86)},
    )
    far, near = leads_over_references(comparison)
    assert far.blocks is not None
    assert far.blocks < 10
    assert far.provisional
    assert far.more_than_chance
    assert 0 < near.score < 0.02
    assert not near.more_than_chance
    assert far.words.endswith(
        f"too few independent windows ({far.blocks} blocks, 10 are needed), so this is provisional"
    )


def test_without_statistics_of_windows_a_lead_is_that_of_the_scores() -> None:
    rng = np.random.default_rng(4)
    truth = _truth(100, rng)
    comparison = _comparison(
        truth, {AS_IT_IS: _forecast(truth, rng)}, {AS_IT_IS: _forecast(truth, rng, 0.9)}
    )
    with_them = leads_over_references(comparison)[0]
    without = replace(
        comparison,
        observed=None,
        references=[replace(one, windows={}) for one in comparison.references],
        trials={n: replace(one, windows={}) for n, one in comparison.trials.items()},
    )
    (lead,) = leads_over_references(without)
    assert lead == Lead(
        trial=1, reference=AS_IT_IS, score=with_them.score, rmse=with_them.rmse, compared=1
    )
    assert lead.provisional
    assert "without statistics of its windows" in lead.words
    assert leads_over_references(replace(without, references=[])) == []


def test_a_forecast_that_diverged_hides_no_other() -> None:
    rng = np.random.default_rng(5)
    truth = _truth(300, rng)
    comparison = _comparison(
        truth,
        {AS_IT_IS: _forecast(truth, rng, 0.85)},
        {AS_IT_IS: _forecast(truth, rng, 0.92)},
        {AS_IT_IS: _forecast(truth, rng, 0.85)},
    )
    lost = {"squared_error": _series(np.full(300, np.inf))}
    diverged = {AS_IT_IS: comparison.trials[2].windows[AS_IT_IS].model_copy(update=lost)}
    trials = {**comparison.trials, 2: replace(comparison.trials[2], windows=diverged)}
    first, second = leads_over_references(replace(comparison, trials=trials))
    assert first.more_than_chance
    assert second.score_chance == 1.0


def test_leads_above_chance_leave_the_comparison_of_the_smaller_ones() -> None:
    """Romano and Wolf: a much-varying lead that is found likelier hides no steady one."""
    rng = np.random.default_rng(6)
    ahead_K = np.array([10.0, 0.5])
    resampled_RK = ahead_K + rng.normal(size=(2000, 2)) * [2.0, 0.1]
    ((large, small),) = adjusted_chances([Measure(ahead_K, resampled_RK)], blocks=50)
    assert large < 0.01
    assert small < 0.01
    ahead_K = np.array([1.0, 0.5])  # not told from chance: it stays
    again_RK = ahead_K + (resampled_RK - [10.0, 0.5])
    ((large, small),) = adjusted_chances([Measure(ahead_K, again_RK)], blocks=50)
    assert small >= large > 0.1


def test_a_number_as_target_keeps_its_share_of_the_observed() -> None:
    rng = np.random.default_rng(7)
    truth = _truth(200, rng)
    comparison = _comparison(
        truth, {AS_IT_IS: _forecast(truth, rng, 0.85)}, {AS_IT_IS: _forecast(truth, rng, 0.9)}
    )
    auto = comparison.targets
    by_number = Targets(
        Band(0.95 * truth.gradient_W.mean(), auto.gradient.high),
        Band(auto.peak.low, auto.peak.high, truth.mean_W.mean()),
    )
    assert leads_over_references(replace(comparison, targets=by_number)) == leads_over_references(
        comparison
    )
