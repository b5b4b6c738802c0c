"""A trial as a person reads it: figures with units, what they are shares of, guards in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from fieldsharp.model.registry import NOT_KNOWN, loss_variant
from fieldsharp.objectives.guards import broken
from fieldsharp.sweep.dashboard.views.markdown import code, plain
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.formatting import given_in_words
from fieldsharp.sweep.study.trial_records import TrialRecord, is_baseline, trial_record, trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.verdict import can_sharpen

Shown = Mapping[str, str | float | int]
MACHINE_READ = {
    trial_records.SPEC,
    trial_records.RECORD,
    trial_records.PROVENANCE,
    trial_records.LOST,
    trial_records.GUARDS_BROKEN,
    trial_records.SCORE,
    *trial_records.SHOWN,
}
"""Attributes that are shown in another form, or are for programs."""
SKILLS = {
    "skill_persistence": "skill over persistence",
    "anomaly_correlation": "anomaly correlation",
}


@dataclass(frozen=True)
class ReadTrial:
    """A trial with what is kept of it, read once.

    Attributes:
        trial: As Optuna has it.
        spec: What it trains; None before it was handed out.
        record: What came of it; None before it ended.
    """

    trial: FrozenTrial
    spec: TrialSpec | None
    record: TrialRecord | None

    @property
    def is_baseline(self) -> bool:
        """Whether every other trial is compared with it."""
        return is_baseline(self.trial)


def read_trial(trial: FrozenTrial) -> ReadTrial:
    """Read what is kept of a trial.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    return ReadTrial(trial, trial_spec(trial), trial_record(trial))


def attributes(read: ReadTrial, facts: DataSummary) -> dict[str, Any]:
    """Return the attributes of a trial for people; what others wrote stays as it is."""
    rest = {name: v for name, v in read.trial.user_attrs.items() if name not in MACHINE_READ}
    lost = read.trial.user_attrs.get(trial_records.LOST)
    if isinstance(lost, dict) and lost.get("reasons"):
        rest[trial_records.LOST] = "; ".join(map(str, lost["reasons"]))
    if read.record is None:
        return rest
    return {**_figures(read.record, facts), **rest, **_cost(read.record)}


def _figures(record: TrialRecord, facts: DataSummary) -> Shown:
    unit = facts.units
    per_cell = f" [{unit} per cell]" if unit else " [per cell]"
    of_field = f" [{unit}]" if unit else ""
    metrics = record.metrics
    wrong = broken(record.guards)
    return {
        "breaks guards": ", ".join(guard.name for guard in wrong) or "none",
        "score": record.score,
        "score of gradient": record.score_parts["gradient"],
        "score of peak": record.score_parts["peak"],
        "score of rmse": record.score_parts["rmse"],
        f"gradient{per_cell}": metrics["gradient"],
        f"peak{of_field}": metrics["peak"],
        **_beside_the_observed(metrics, facts),
        f"rmse{of_field}": metrics["rmse"],
        "rmse / baseline": _share(metrics["rmse"], record.baseline_rmse),
        **{words: metrics[name] for name, words in SKILLS.items() if name in metrics},
    }


def _beside_the_observed(metrics: Mapping[str, float], facts: DataSummary) -> Shown:
    mean, gradient, peak = facts.mean_observed, facts.gradient_observed, facts.peak_observed
    if mean is None or gradient is None or peak is None:
        return {}
    return {
        "gradient / observed": _share(metrics["gradient"], gradient),
        "peak above mean / observed": _share(metrics["peak"] - mean, peak - mean),
    }


def _cost(record: TrialRecord) -> Shown:
    return {
        "epochs": record.epochs,
        "time [s]": round(record.seconds, 2),
        "peak memory [MB]": round(record.peak_memory_mb),
        "device": record.device,
        "precision": record.precision,
    }


def _share(value: float, whole: float) -> float:
    return value / whole if whole else 0.0


def trained_with(spec: TrialSpec) -> str:
    """Return in Markdown which loss a trial is trained with."""
    if spec.run.trainer is not None:
        commands = ", then ".join(code(" ".join(words)) for words in spec.run.trainer.commands)
        return f"{commands}, given {plain(given_in_words(spec.run.trainer.given))}"
    loss = spec.run.loss
    terms = []
    if loss.gradient_weight > 0:
        terms.append(f"{code(loss.variant)} with weight {loss.gradient_weight:.4g}")
    if loss.peak_weight > 0:
        terms.append(f"{code(loss.peak_variant)} with weight {loss.peak_weight:.4g}")
    if not terms:
        return f"{loss.base} alone, without any gradient term"
    steps = "on every predicted step" if loss.multi_step == "all" else "on the last predicted step"
    used = {loss.variant} if loss.gradient_weight > 0 else set()
    used |= {loss.peak_variant} if loss.peak_weight > 0 else set()
    can = "can" if can_sharpen(loss) else "cannot"
    if all(loss_variant(name).optimum == NOT_KNOWN for name in used):
        can = "may or may not"
    return (
        f"{loss.base} and {' and '.join(terms)} {steps}; such a loss {can} cure blur that comes "
        "from uncertainty"
    )
