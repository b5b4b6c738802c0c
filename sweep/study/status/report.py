"""Where a study stands: states, best trial, targets, time left."""

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.guards import GUARDS
from fieldsharp.objectives.verdict import Verdict, reach_verdict
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import LockOwner
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.configuration.ranges import Scalar, setting_path, value_at
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.records import Confirmation, read_confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.early_stop import settled_verdict
from fieldsharp.sweep.study.lookup import study_config, study_data_summary
from fieldsharp.sweep.study.script_verdict import as_script_verdict
from fieldsharp.sweep.study.status.eta import eta_s, seconds_running
from fieldsharp.sweep.study.trial_records import (
    FAILURE,
    PAUSED_STATE,
    TrialRecord,
    best_trial,
    complete_baseline,
    counted,
    is_feasible,
    read_record,
    read_spec,
    states,
    trial_record,
    why_left_out,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.verdict_inputs import contenders


@dataclass(frozen=True)
class TrialStatus:
    """A complete trial as a person wants to see it; physical units, validation split."""

    trial: int
    score: float
    gradient: float
    peak: float
    rmse: float
    params: dict[str, Scalar]
    preset: str | None
    feasible: bool
    guards: dict[str, dict[str, float | bool | int | None]]
    warnings: list[str]
    metrics: dict[str, float]
    metrics_by_lead: dict[str, list[float]]


@dataclass(frozen=True)
class CoordinatorStatus:
    """The process that runs a study, or was the last to.

    Attributes:
        pid: Its number; None where the last one ended in good order, or there was none.
        host: The machine it is on.
        alive: Whether it still runs.
        note: What that means, and what to do.
    """

    pid: int | None
    host: str
    alive: bool
    note: str


@dataclass(frozen=True)
class StudyStatus:
    """Where a study stands.

    Attributes:
        study: Its name.
        coordinator: The process that runs it.
        states: Number of trials in each state.
        verdict: What it comes to so far.
        best: The complete trial with the lowest score that breaks no guard.
        front: In the mode pareto, the trials that break no guard and that none beats in everything.
        infeasible: Number of complete trials that break a guard.
        guards_broken: How many complete trials break each guard.
        confirmation: What new seeds and the test split said, None before confirm was run.
        baseline: The trial with weight 0.
        targets: Least gradient and peak.
        observed: Observed gradient and peak on the validation split; null where a script knows the
            data alone.
        trains_script: Whether it is a script that is trained.
        guards_not_taken: Guards that what a script tells does not suffice for.
        units: Of the field.
        variable: The field.
        budget: Trials in all.
        eta_s: Seconds left at the pace of the finished trials; None where nothing runs.
        failures: Reason of each failed trial, by number.
        left_out: Why trials that ended otherwise are not compared, by number: another program
            added them, or wrote over what is kept of them.
    """

    study: str
    coordinator: CoordinatorStatus
    states: dict[str, int]
    verdict: Verdict
    mode: str
    best: TrialStatus | None
    front: list[TrialStatus]
    infeasible: int
    guards_broken: dict[str, int]
    confirmation: Confirmation | None
    baseline: TrialStatus | None
    targets: dict[str, float]
    observed: dict[str, float | None]
    guards_not_taken: list[str]
    trains_script: bool
    units: str
    variable: str
    budget: int
    eta_s: float | None
    failures: dict[int, str]
    left_out: dict[int, str]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        kept = self.confirmation
        return {
            **asdict(self),
            "verdict": self.verdict.model_dump(),
            "confirmation": kept.model_dump(mode="json") if kept else None,
        }


def study_status(study: Study, url: str) -> StudyStatus:
    """Read where a study stands.

    Raises:
        StudyError: If it was not started by this program.
        StorageError: If the database cannot be read.
    """
    with database_errors(url):
        trials = study.get_trials(deepcopy=False)
        config, facts = study_config(study), study_data_summary(study)
        confirmation = read_confirmation(study)
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    best = best_trial(complete)
    is_pareto = config.objective.mode == "pareto"
    verdict = study_verdict(trials, config, facts)
    ended = bool(settled_verdict(verdict, config.budget, trials, facts.targets))
    unfinished = not ended and counted(trials) < config.budget.trials
    baseline = complete_baseline(complete)
    return StudyStatus(
        study=study.study_name,
        coordinator=coordinator_status(
            study_lock_owner(url, study.study_name), url, study.study_name, unfinished=unfinished
        ),
        states=states(trials),
        verdict=verdict,
        mode=config.objective.mode,
        best=trial_status(best) if best else None,
        front=[trial_status(t) for t in front(complete)] if is_pareto else [],
        infeasible=sum(not is_feasible(trial) for trial in complete),
        guards_broken=_guards_broken(complete),
        confirmation=confirmation,
        baseline=trial_status(baseline) if baseline else None,
        targets={"gradient": facts.gradient.low, "peak": facts.peak.low},
        observed={"gradient": facts.gradient_observed, "peak": facts.peak_observed},
        guards_not_taken=_guards_not_taken(config, baseline),
        trains_script=config.trainer is not None,
        units=facts.units,
        variable=facts.variable,
        budget=config.budget.trials,
        eta_s=None if ended else _eta_s(trials, config.budget.trials),
        failures={
            trial.number: str(trial.user_attrs.get(FAILURE, "no reason was kept"))
            for trial in trials
            if trial.state is TrialState.FAIL
        },
        left_out=left_out(trials),
    )


def left_out(trials: list[FrozenTrial]) -> dict[int, str]:
    """Return why complete and pruned trials are not compared with the others, by number."""
    ended = (t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED))
    return {trial.number: why for trial in ended if (why := why_left_out(trial))}


def coordinator_status(
    holder: LockOwner, url: str, name: str, *, unfinished: bool
) -> CoordinatorStatus:
    """Return what it means that a process runs a study, or that none does.

    Args:
        holder: That process.
        url: Address of the database.
        name: Of the study.
        unfinished: Whether trials are left to do.
    """
    then = resume_hint(url, holder.command, name)
    if holder.alive:
        note = f"run by {holder.description}"
    elif holder.died:
        note = f"its coordinator, process {holder.pid}, is gone without an orderly end; {then}"
    elif unfinished:
        note = f"not being run, with trials left to do; {then}"
    else:
        note = "finished"
    return CoordinatorStatus(holder.pid, holder.host, holder.alive, note)


def trial_status(trial: FrozenTrial) -> TrialStatus:
    """Return what a person wants to see of a complete trial.

    Raises:
        StudyError: If it was not run by this program, or by another version.
    """
    spec, record = read_spec(trial), read_record(trial)
    if spec is None or record is None or trial.state is not TrialState.COMPLETE:
        raise StudyError(
            f"trial {trial.number} has no record of its training: it is {trial.state.name} or was "
            "not run by this program; choose a complete trial"
        )
    return TrialStatus(
        trial=trial.number,
        score=record.score,
        gradient=record.metrics["gradient"],
        peak=record.metrics["peak"],
        rmse=record.metrics["rmse"],
        params=trained_values(trial, spec),
        preset=spec.preset,
        feasible=record.feasible,
        guards={guard.name: guard.as_json() for guard in record.guards},
        warnings=_warnings(record),
        metrics=record.metrics,
        metrics_by_lead=record.judgement.by_lead,
    )


def _warnings(record: TrialRecord) -> list[str]:
    """Return what a person should know of a trial that no guard forbids."""
    rmse, still = record.metrics["rmse"], record.metrics.get("rmse_persistence", math.inf)
    if not still < rmse <= record.metrics.get("rmse_climatology", math.inf):
        return []
    return [
        f"its RMSE, {rmse:.4g}, is above the {still:.4g} of the last known frame: as a sharp "
        "forecast's may be where little can be foretold, but look at it"
    ]


def study_verdict(trials: list[FrozenTrial], config: SweepConfig, facts: DataSummary) -> Verdict:
    """Return what the complete trials of a study come to."""
    to_come = max(0, config.budget.trials - counted(trials))
    reached = reach_verdict(contenders(trials), facts.targets, facts.units, to_come)
    return as_script_verdict(config, reached)


def front(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the complete trials that break no guard and that no such trial beats in everything."""
    complete = (t for t in trials if t.state is TrialState.COMPLETE and not why_left_out(t))
    there = [trial for trial in complete if is_feasible(trial)]
    return [t for t in there if not any(_dominates(other.values, t.values) for other in there)]


def _dominates(ours: list[float], theirs: list[float]) -> bool:
    return ours != theirs and all(a <= b for a, b in zip(ours, theirs, strict=True))


def _guards_not_taken(config: SweepConfig, baseline: FrozenTrial | None) -> list[str]:
    record = trial_record(baseline) if baseline is not None else None
    if config.trainer is None or record is None:
        return []
    taken = {guard.name for guard in record.guards}
    return [name for name in GUARDS if name not in taken]


def _guards_broken(trials: list[FrozenTrial]) -> dict[str, int]:
    names = [n for trial in trials for n, value in trial.constraints.items() if value > 0]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def trained_values(trial: FrozenTrial, spec: TrialSpec) -> dict[str, Scalar]:
    """Return the searched parameters with the values that were trained.

    For the baseline these are not the recorded ones: its weight, 0, lies outside its range.
    """
    tree = spec.run.model_dump()
    trained = {name: value_at(tree, setting_path(name)) for name in trial.params}
    return {name: value for name, value in trained.items() if value is not None}


def _eta_s(trials: list[FrozenTrial], budget: int) -> float | None:
    running = [trial for trial in trials if trial.state is TrialState.RUNNING]
    seconds = [
        record.seconds
        for trial in trials
        if trial.state.is_finished() and (record := trial_record(trial))
    ]
    finished = sum(trial.state.is_finished() for trial in trials)
    now = datetime.now()
    to_do = budget - finished - states(trials)[PAUSED_STATE]  # most of these are given up
    return eta_s(seconds, [seconds_running(t, now) for t in running], to_do)
