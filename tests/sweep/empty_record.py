"""The record of a trial of which a test needs no figure, and its sharpener."""

from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast, Sharpening
from fieldsharp.sweep.study.trial_records import TrialRecord


def empty_record(score: float) -> TrialRecord:
    figures = {"gradient": 1.0, "peak": 1.0, "rmse": 1.0}  # that a verdict reads
    return TrialRecord(
        judgement=MetricValues(overall=figures, by_lead={}),
        score=score,
        score_parts={},
        guards=[],
        baseline_rmse=1.0,
        epochs=1,
        seconds=1.0,
        peak_memory_mb=1.0,
        device="cpu",
        precision="float32",
    )


def sharpened_by(name: str) -> Sharpening:
    judgement = MetricValues(overall={}, by_lead={})
    without = SharpenedForecast(name="none", judgement=judgement, score=0.0, guards=[])
    return Sharpening(name=name, without=without)
