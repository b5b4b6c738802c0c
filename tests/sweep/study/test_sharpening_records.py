"""Which sharpened forecast of the baseline is its best."""

from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast, best_reference


def _forecast(name: str, score: float, rmse: float, violation: float = -1.0) -> SharpenedForecast:
    guard = GuardOutcome(
        name="spike",
        value=1.0,
        limit=1.0,
        ok=violation <= 0.0,
        violation=violation,
        words="its maxima stand alone",
    )
    values = MetricValues(overall={"rmse": rmse}, by_lead={})
    return SharpenedForecast(name=name, judgement=values, score=score, guards=[guard])


def _best(*references: SharpenedForecast) -> str:
    best = best_reference(references)
    assert best is not None
    return best.name


def test_a_lower_score_is_no_use_with_a_broken_guard() -> None:
    broken = _forecast("unsharp", 0.01, 1.0, violation=0.2)
    assert (
        _best(broken, _forecast("spectral", 0.2, 1.0), _forecast("quantile", 0.3, 0.9))
        == "spectral"
    )


def test_scores_within_a_thousandth_are_told_apart_by_the_rmse() -> None:
    assert _best(_forecast("spectral", 0.2, 1.1), _forecast("quantile", 0.2005, 1.0)) == "quantile"


def test_where_all_break_a_guard_the_least_broken_is_the_best() -> None:
    assert _best(_forecast("a", 0.01, 1.0, 0.2), _forecast("b", 0.5, 1.0, 0.1)) == "b"


def test_without_any_there_is_none() -> None:
    assert best_reference([]) is None
