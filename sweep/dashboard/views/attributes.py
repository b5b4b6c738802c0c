"""User attributes of trials and studies for people: metrics with units, ratios, broken guards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.per_variable import named, split_name
from fieldsharp.storage.optuna_adapter.internals import FrozenStudy
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.data_summary import AFTER_THE_BASELINE, DataSummary
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.trial_records import TrialRecord, trial_record, trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec

Attributes = Mapping[str, str | float | int]
FOR_PROGRAMS = {
    trial_records.SPEC,
    trial_records.RECORD,
    trial_records.PROVENANCE,
    trial_records.LOST,
    trial_records.GUARDS_BROKEN,
    trial_records.SCORE,
    *trial_records.SHOWN,
}
"""Attributes that are for programs, or shown in another form."""
SKILLS = {
    "skill_persistence": "skill over persistence",
    "anomaly_correlation": "anomaly correlation",
}


@dataclass(frozen=True)
class ParsedTrial:
    """A trial with its spec and record parsed.

    Attributes:
        trial: As Optuna stores it.
        spec: Its configuration; None before a worker got it.
        record: Its results; None before it ended.
    """

    trial: FrozenTrial
    spec: TrialSpec | None
    record: TrialRecord | None


def parse_trial(trial: FrozenTrial) -> ParsedTrial:
    """Parse the spec and the record of a trial; None where another version wrote them."""
    return ParsedTrial(trial, trial_spec(trial), trial_record(trial))


def trial_attributes(
    parsed: ParsedTrial, summary: DataSummary, bound: StudyFrontier | None = None
) -> dict[str, Any]:
    """Return the attributes of a trial for people; those of other programs are unchanged.

    ``bound`` is the frontier of the study, None where it is not known.
    """
    attributes = parsed.trial.user_attrs
    rest = {name: value for name, value in attributes.items() if name not in FOR_PROGRAMS}
    lost = attributes.get(trial_records.LOST)
    if isinstance(lost, dict) and lost.get("reasons"):
        rest[trial_records.LOST] = "; ".join(map(str, lost["reasons"]))
    if parsed.record is None:
        return rest
    others = {
        named(name, label): value
        for name in summary.others
        for label, value in _metrics(parsed.record.of(name), summary.of(name)).items()
    }
    if others:  # stored without units
        rest = {name: v for name, v in rest.items() if split_name(name)[0] not in summary.others}
    return {
        **_metrics(parsed.record, summary),
        **others,
        **rest,
        **_cost(parsed.record),
        **_sharpening(parsed.record),
        **_above_the_frontier(parsed.record, summary, bound),
    }


def _metrics(record: TrialRecord, summary: DataSummary) -> Attributes:
    unit = summary.units
    per_cell = f" [{unit} {summary.per}]" if unit else f" [{summary.per}]"
    of_field = f" [{unit}]" if unit else ""
    metrics = record.metrics
    return {
        "breaks guards": ", ".join(guard.name for guard in broken(record.guards)) or "none",
        "score": record.score,
        **{f"score of {name}": value for name, value in record.score_parts.items()},
        f"gradient{per_cell}": metrics["gradient"],
        f"peak{of_field}": metrics["peak"],
        **_ratios_to_observed(metrics, summary),
        f"rmse{of_field}": metrics["rmse"],
        "rmse / baseline": _ratio(metrics["rmse"], record.baseline_rmse),
        **{label: metrics[name] for name, label in SKILLS.items() if name in metrics},
        **_of_members(metrics, record.baseline_rmse, of_field),
    }


def _of_members(metrics: Mapping[str, float], baseline_rmse: float, of_field: str) -> Attributes:
    """Return what members are judged by together; nothing of a single forecast."""
    if "spread_over_error" not in metrics:
        return {}
    return {
        f"crps{of_field}": metrics["crps"],
        "spread / error": metrics["spread_over_error"],
        "rmse of mean / baseline": _ratio(metrics["rmse_of_mean_without_sampling"], baseline_rmse),
    }


def _ratios_to_observed(metrics: Mapping[str, float], summary: DataSummary) -> Attributes:
    mean, gradient, peak = summary.mean_observed, summary.gradient_observed, summary.peak_observed
    if mean is None or gradient is None or peak is None:
        return {}
    return {
        "gradient / observed": _ratio(metrics["gradient"], gradient),
        "peak above mean / observed": _ratio(metrics["peak"] - mean, peak - mean),
    }


def _cost(record: TrialRecord) -> Attributes:
    return {
        "epochs": record.epochs,
        "time [s]": round(record.seconds, 2),
        "peak memory [MB]": round(record.peak_memory_mb),
        "device": record.device,
        "precision": record.precision,
    }


def _sharpening(record: TrialRecord) -> Attributes:
    if record.sharpening is None:  # of a version that had no sharpeners
        return {}
    return {
        "sharpener": record.sharpening.name,
        "score without sharpener": record.sharpening.without.score,
    }


def _above_the_frontier(
    record: TrialRecord, summary: DataSummary, bound: StudyFrontier | None
) -> Attributes:
    if bound is None:
        return {}
    unit = f" [{summary.units}]" if summary.units else ""
    excess = bound.excess(record.metrics["rmse"], record.metrics["gradient"])
    return {f"rmse above the frontier{unit}": excess}


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference else 0.0


def study_attributes(study: FrozenStudy, summary: DataSummary) -> dict[str, Any]:
    """Return the attributes of a study for people: verdict, field, targets, provenance."""
    verdict = study.user_attrs.get(trial_records.VERDICT) or {}
    return {
        "verdict": str(verdict.get("name", "none yet")),
        **_wanted(summary.of(summary.variable)),
        **{
            named(name, label): wanted
            for name in summary.others
            for label, wanted in _wanted(summary.of(name)).items()
        },
        "windows": ", ".join(f"{part} {count}" for part, count in summary.windows.items()),
        "commit": summary.provenance.git_commit,
        "data (SHA-256)": summary.provenance.data_sha256,
    }


def _wanted(summary: DataSummary) -> dict[str, str]:
    """Return field and targets of one variable."""
    unit = f" {summary.units}" if summary.units else ""
    gradient, peak = summary.targets.gradient, summary.targets.peak
    field = f"{summary.variable} [{summary.units}]" if summary.units else summary.variable
    if not summary.targets_known:
        known = f"known {AFTER_THE_BASELINE}"
        return {"field": field, "gradient wanted": known, "peak wanted": known}
    return {
        "field": field,
        "gradient wanted": f"{gradient.low:.4g} to {gradient.high:.4g}{unit} {summary.per}, "
        f"{_observed(summary.gradient_observed)}",
        "peak wanted": f"{peak.low:.4g} to {peak.high:.4g}{unit}, "
        f"{_observed(summary.peak_observed)}",
    }


def _observed(value: float | None) -> str:
    return "observed is not known" if value is None else f"observed {value:.4g}"
