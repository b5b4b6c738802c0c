"""Trials as charts and tables see them, and what they add up to."""

from collections.abc import Mapping, Sequence
from statistics import median

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.model.registry import LOSS_VARIANTS, loss_variant
from fieldsharp.objectives.guards import GUARDS
from fieldsharp.sweep.report.model import Cost, GuardRow, Kind, Row, TrialRow, VariantRow, share
from fieldsharp.sweep.study.confirmation.records import Runs
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import (
    PAUSED_STATE,
    TrialRecord,
    complete_baseline,
    is_baseline,
    paused_after,
    states,
    trial_record,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec


class Trials:
    """All trials of a study, each read once.

    Args:
        trials: As the database has them.
    """

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
        """The complete baseline, None before there is one."""
        found = complete_baseline(self.all)
        return found if found is not None and found.number in self.records else None


def trial_rows(trials: Trials, facts: DataSummary) -> list[TrialRow]:
    """Return all trials as points of charts."""
    return [_point(trial, trials, facts) for trial in trials.all]


def _point(trial: FrozenTrial, trials: Trials, facts: DataSummary) -> TrialRow:
    spec, record = trials.specs.get(trial.number), trials.records.get(trial.number)
    score = sharpness = gradient = rmse = None
    if record is not None:
        score = record.score
        sharpness = record.score_parts.get("gradient", 0.0) + record.score_parts.get("peak", 0.0)
        gradient = share(record.metrics["gradient"], facts.gradient_observed)
        rmse = share(record.metrics["rmse"], record.baseline_rmse)
    return TrialRow(
        number=trial.number,
        state=trial.state.name if paused_after(trial) is None else PAUSED_STATE,
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
    )


def variant_rows(points: Sequence[TrialRow]) -> list[VariantRow]:
    """Return what came of each loss variant, the best first."""
    by_variant: dict[str, list[TrialRow]] = {}
    for point in points:
        if point.was_judged and point.variant is not None:
            by_variant.setdefault(point.variant, []).append(point)
    rows = [_variant_row(name, there) for name, there in by_variant.items()]
    return sorted(rows, key=lambda row: (row.best is None, row.best or 0.0, row.median))


def _variant_row(name: str, there: Sequence[TrialRow]) -> VariantRow:
    feasible = [point for point in there if point.feasible]
    to_the_end = [point for point in feasible if point.is_complete]
    best = min(to_the_end, key=lambda point: point.score or 0.0, default=None)
    is_known = name in LOSS_VARIANTS or ":" in name
    about = loss_variant(name) if is_known else None
    return VariantRow(
        name=name,
        optimum=about.optimum if about else "not known to this version",
        sharpens=LOSS_VARIANTS[name].sharpens if name in LOSS_VARIANTS else None,
        trials=len(there),
        feasible=len(feasible),
        best=best.score if best else None,
        median=median(point.score for point in there if point.score is not None),
        gradient_share=best.gradient_share if best else None,
    )


def guard_rows(points: Sequence[TrialRow], rows: Mapping[Kind, Row]) -> list[GuardRow]:
    """Return what came of each guard, the most broken first."""
    complete = [point for point in points if point.is_complete]
    found = []
    for name, guard in GUARDS.items():
        outcomes = {kind: [g for g in row.guards if g.name == name] for kind, row in rows.items()}
        there = {kind: taken[0] for kind, taken in outcomes.items() if taken}
        broken_by = sum(name in point.guards_broken for point in complete)
        if there or broken_by:
            found.append(GuardRow(name, guard.fault, guard.at_most, broken_by, there))
    return sorted(found, key=lambda row: -row.broken_by)


def distributions(trials: Trials) -> dict[str, bool | None]:
    """Return for each searched setting whether its axis is logarithmic; None for choices."""
    found: dict[str, bool | None] = {}
    for trial in trials.all:
        for name, distribution in trial.distributions.items():
            is_choice = isinstance(distribution, CategoricalDistribution)
            found[name] = None if is_choice else bool(getattr(distribution, "log", False))
    return found


def cost(trials: Trials, runs: Runs) -> Cost:
    """Return what a study took."""
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
        confirm_seconds=sum(run.seconds for run in runs.values()),
        median_seconds=median(complete) if complete else None,
        peak_memory_mb=max((record.peak_memory_mb for record in records), default=0.0),
        devices=sorted({record.device for record in records}),
        precisions=sorted({record.precision for record in records}),
        first=min(began, default=None),
        last=max(ended, default=None),
    )
