"""Sharpeners in the state of a study: that of a trial, and the references."""

from dataclasses import dataclass, replace

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.frontier import StudyFrontier, excess_over
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast
from fieldsharp.sweep.study.trial_records import TrialRecord

BEFORE_SHARPENERS = "the study is of a version that had no sharpeners"


@dataclass(frozen=True)
class Unsharpened:
    """A forecast without its sharpener; physical units, validation split."""

    score: float
    gradient: float
    peak: float
    rmse: float
    feasible: bool


@dataclass(frozen=True)
class SharpeningStatus:
    """The sharpener of a trial, and what its forecast is without it."""

    name: str
    without: Unsharpened


@dataclass(frozen=True)
class Reference:
    """The baseline under a sharpener, without any further training.

    Attributes:
        metrics: Every metric, physical units.
        excess_over_frontier: Its RMSE above the frontier at its gradient; None if not known.
    """

    name: str
    score: float
    gradient: float
    peak: float
    rmse: float
    feasible: bool
    guards: dict[str, dict[str, float | bool | int | None]]
    metrics: dict[str, float]
    excess_over_frontier: float | None = None


def sharpening_status(record: TrialRecord) -> SharpeningStatus:
    """Return the sharpener of a trial; none in studies of versions that had none."""
    without = record.unsharpened
    metrics = without.judgement.overall
    return SharpeningStatus(
        name=record.sharpener,
        without=Unsharpened(
            *(without.score, metrics["gradient"], metrics["peak"], metrics["rmse"]),
            without.feasible,
        ),
    )


def references(baseline: TrialRecord, bound: StudyFrontier | None) -> list[Reference]:
    """Return the baseline under each sharpener, in the order of the registry.

    Args:
        baseline: Its record.
        bound: Its frontier; None if not known.
    """
    return [
        reference(one)
        if one.judgement.is_of_members
        else replace(reference(one), excess_over_frontier=excess_over(bound, one.judgement.overall))
        for one in baseline.references
    ]


def reference(one: SharpenedForecast) -> Reference:
    """Return the baseline under a sharpener as it is shown."""
    metrics = one.judgement.overall
    return Reference(
        name=one.name,
        score=one.score,
        gradient=metrics["gradient"],
        peak=metrics["peak"],
        rmse=metrics["rmse"],
        feasible=one.feasible,
        guards={guard.name: guard.as_json() for guard in one.guards},
        metrics=metrics,
    )


def why_no_references(config: SweepConfig, baseline: TrialRecord | None) -> str | None:
    """Return why a study with this baseline has no references, None where it has some."""
    if baseline is None:
        return "the baseline is not complete yet"
    if baseline.references:
        return None
    if baseline.sharpening is None:
        return BEFORE_SHARPENERS
    if config.trainer is not None:
        return (
            "sharpeners are fitted on forecasts of training frames: name the files that the script "
            "writes under trainer.training_forecast and trainer.training_truth"
        )
    return "no sharpener could be fitted"
