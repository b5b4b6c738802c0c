"""Rows of the report, by trial, loss variant and guard, and the cost of the study."""

from collections.abc import Mapping, Sequence
from statistics import median

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.model.registry import LOSS_VARIANTS, loss_variant
from fieldsharp.objectives.guards_of_members import EVERY_GUARD
from fieldsharp.objectives.per_variable import named
from fieldsharp.sweep.report.model import (
    Cost,
    ForecastResult,
    GuardRow,
    Kind,
    TrialRow,
    VariantRow,
    share,
)
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import (
    TrialRecord,
    complete_baseline,
    is_baseline,
    state_name,
    states,
    trial_record,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec


class ParsedTrials:
    """All trials of a study with their specs and records, parsed once."""

    def __init__(self, trials: Sequence[FrozenTrial]) -> None:
        self.all = list(trials)
        self.specs: dict[int, TrialSpec] = {}
        self.records: dict[int, TrialRecord] = {}
        for trial in self.all:
            spec, record = trial_spec(trial), trial_record(trial)
            if spec is not None:
                self.specs[trial.number] = spec
            if record is not None:
                self.records[trial.number] = record

    @property
    def baseline(self) -> FrozenTrial | None:
        """The baseline, None before it is complete."""
        baseline = complete_baseline(self.all)
        return baseline if baseline is not None and baseline.number in self.records else None


def trial_rows(trials: ParsedTrials, summary: DataSummary, variable: str = "") -> list[TrialRow]:
    """Return a row for each trial, of one variable alone where its name is given."""
    return [_trial_row(trial, trials, summary, variable) for trial in trials.all]


def _trial_row(
    trial: FrozenTrial, trials: ParsedTrials, summary: DataSummary, variable: str
) -> TrialRow:
    spec, record = trials.specs.get(trial.number), trials.records.get(trial.number)
    if variable and record is not None:
        record = record.of(variable)
    score = sharpness = gradient = rmse = None
    if record is not None:
        score = record.score
        sharpness = record.score_parts.get("gradient", 0.0) + record.score_parts.get("peak", 0.0)
        gradient = share(record.metrics["gradient"], summary.gradient_observed)
        rmse = share(record.metrics["rmse"], record.baseline_rmse)
    return TrialRow(
        number=trial.number,
        state=state_name(trial),
        feasible=record.feasible if record is not None else True,
        score=score,
        sharpness=sharpness,
        gradient_share=gradient,
        rmse_share=rmse,
        preset=spec.preset if spec is not None else None,
        is_baseline=is_baseline(trial),
        variant=spec.run.loss.variant if spec is not None else None,
        params=trial.params,
        guards_broken=tuple(g.name for g in record.guards if not g.ok) if record else (),
        sharpener=record.sharpening.name if record is not None and record.sharpening else None,
    )


def variant_rows(trials: Sequence[TrialRow]) -> list[VariantRow]:
    """Return a row for each loss variant, the best first."""
    by_variant: dict[str, list[TrialRow]] = {}
    for trial in trials:
        if trial.score is not None and trial.variant is not None:
            by_variant.setdefault(trial.variant, []).append(trial)
    rows = [_variant_row(name, group) for name, group in by_variant.items()]
    return sorted(rows, key=lambda row: (row.best is None, row.best or 0.0, row.median))


def _variant_row(name: str, trials: Sequence[TrialRow]) -> VariantRow:
    feasible = [trial for trial in trials if trial.feasible]
    complete = [trial for trial in feasible if trial.is_complete]
    best = min(complete, key=lambda trial: trial.score or 0.0, default=None)
    is_known = name in LOSS_VARIANTS or ":" in name
    variant = loss_variant(name) if is_known else None
    return VariantRow(
        name=name,
        optimum=variant.optimum if variant else "not known to this version",
        sharpens=LOSS_VARIANTS[name].sharpens if name in LOSS_VARIANTS else None,
        trials=len(trials),
        feasible=len(feasible),
        best=best.score if best else None,
        median=median(trial.score for trial in trials if trial.score is not None),
        gradient_share=best.gradient_share if best else None,
    )


def guard_rows(
    trials: Sequence[TrialRow], results: Mapping[Kind, ForecastResult]
) -> list[GuardRow]:
    """Return a row for each guard, the most broken first."""
    complete = [trial for trial in trials if trial.is_complete]
    rows = []
    others = dict.fromkeys(n for result in results.values() for n in result.metrics.others)
    every = [
        (named(of, name), guard) for of in ("", *others) for name, guard in EVERY_GUARD.items()
    ]
    for name, guard in every:
        outcomes = {
            kind: outcome
            for kind, result in results.items()
            for outcome in result.guards
            if outcome.name == name
        }
        broken_by = sum(name in trial.guards_broken for trial in complete)
        if outcomes or broken_by:
            rows.append(GuardRow(name, guard.fault, guard.at_most, broken_by, outcomes))
    return sorted(rows, key=lambda row: -row.broken_by)


def distributions(trials: ParsedTrials) -> dict[str, bool | None]:
    """Return for each searched setting whether its axis is logarithmic; None for choices."""
    is_log: dict[str, bool | None] = {}
    for trial in trials.all:
        for name, distribution in trial.distributions.items():
            is_choice = isinstance(distribution, CategoricalDistribution)
            is_log[name] = None if is_choice else bool(getattr(distribution, "log", False))
    return is_log


def cost(trials: ParsedTrials, runs: Sequence[ConfirmedRun]) -> Cost:
    """Return the time and memory that a study took."""
    records = list(trials.records.values())
    complete = [
        trials.records[t.number].seconds
        for t in trials.all
        if t.state is TrialState.COMPLETE and t.number in trials.records
    ]
    began = [trial.datetime_start for trial in trials.all if trial.datetime_start]
    ended = [trial.datetime_complete for trial in trials.all if trial.datetime_complete]
    return Cost(
        states={name: count for name, count in states(trials.all).items() if count},
        epochs=sum(record.epochs for record in records),
        seconds=sum(record.seconds for record in records),
        confirm_seconds=sum(run.seconds for run in runs),
        median_seconds=median(complete) if complete else None,
        peak_memory_mb=max((record.peak_memory_mb for record in records), default=0.0),
        devices=sorted({record.device for record in records}),
        precisions=sorted({record.precision for record in records}),
        first=min(began, default=None),
        last=max(ended, default=None),
    )
