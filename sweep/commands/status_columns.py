"""The columns of accuracy in the table of ``status``: of single forecasts, or of members."""

from collections.abc import Callable, Mapping, Sequence

from fieldsharp.sweep.study.status.references import Reference

Metrics = Mapping[str, float]
Column = Callable[[Metrics], str]


def numbers(*values: float) -> list[str]:
    """Return numbers as they are shown in a table."""
    return [f"{value:.4g}" for value in values]


def columns_of(references: Sequence[Reference]) -> Mapping[str, Column]:
    """Return heading and text of each column, from the metrics of a forecast.

    Args:
        references: Of the study; where they are ensembles, members are judged.
    """
    return OF_MEMBERS if any("crps" in one.metrics for one in references) else OF_FORECASTS


def without_training_of_members(references: Sequence[Reference]) -> str:
    """Return which ensemble without training has the lowest CRPS."""
    best = min(references, key=lambda one: one.metrics["crps"])
    return (
        f"the best ensemble without training is {best.name}, crps {best.metrics['crps']:.4g}; a "
        "trial has to be better than each of them in crps and variogram score"
    )


def _rmse(metrics: Metrics) -> str:
    return numbers(metrics["rmse"])[0]


def _skill(metrics: Metrics) -> str:
    skill = metrics.get("skill_persistence")
    return "-" if skill is None else f"{skill:.2f}"


def _crps(metrics: Metrics) -> str:
    return numbers(metrics.get("crps", metrics["mae"]))[0]


def _spread(metrics: Metrics) -> str:
    spread = metrics.get("spread_over_error")
    return "-" if spread is None else f"{spread:.2f}"


def _rmse_of_mean(metrics: Metrics) -> str:
    return numbers(metrics.get("rmse_of_mean_without_sampling", metrics["rmse"]))[0]


OF_FORECASTS: Mapping[str, Column] = {"rmse": _rmse, "skill": _skill}
OF_MEMBERS: Mapping[str, Column] = {
    "rmse of mean": _rmse_of_mean,
    "crps": _crps,
    "spread/error": _spread,
}
"""Of the baseline, a single forecast, the CRPS is its mean absolute error."""
