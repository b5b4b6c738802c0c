"""The state of a study that `status`, `--watch`, the dashboard and reports show, computed once."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import LockOwner
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.trial_records import (
    PAUSED_STATE,
    RECORD,
    best_trial,
    complete_baseline,
    counted,
    ranking_value,
    states,
    trial_error,
    trial_score,
    trial_spec,
    was_run,
)
from fieldsharp.sweep.study.verdict import settled_verdict


@dataclass(frozen=True)
class ScoredTrial:
    """A complete trial: what it trained, its score, gradient and peak.

    Physical units, validation split; the lower the score the better. Of several predicted variables
    gradient and peak are those of the first.

    Attributes:
        error: What tells trials of equal score apart; see ``MetricValues.error``.
        value: What trials are ranked by.
    """

    number: int
    what: str
    score: float
    gradient: float
    peak: float
    error: float
    value: float


@dataclass(frozen=True)
class CoordinatorStatus:
    """The process that runs a study, or was the last to.

    Attributes:
        pid: Its number; None where the last one ended in good order, or there was none.
        note: What its state means, and what to do.
    """

    pid: int | None
    host: str
    alive: bool
    note: str


@dataclass(frozen=True)
class StudyState:
    """The state of a study at one moment.

    Attributes:
        complete: The complete trials.
        counts: Number of trials in each state.
        done: Trials that count towards the budget.
        best: The complete trial with the lowest score that breaks no guard.
        baseline: The complete baseline; None before there is one.
        running_s: Seconds that each running trial of a living coordinator has been at work, by
            number.
        eta_s: Seconds left; None where nothing runs, nothing is known of the pace, or the verdict
            is settled.
    """

    trials: list[FrozenTrial]
    complete: list[FrozenTrial]
    counts: dict[str, int]
    done: int
    best: FrozenTrial | None
    baseline: FrozenTrial | None
    coordinator: CoordinatorStatus
    running_s: dict[int, float]
    eta_s: float | None


def study_state(
    trials: list[FrozenTrial],
    config: SweepConfig,
    verdict: Verdict | None,
    *,
    owner: LockOwner,
    url: str,
    name: str,
) -> StudyState:
    """Return the state of a study, at little cost: no record of a trial is validated as a whole.

    The owner of the study's lock must be read before the trials: what its process wrote last is
    then among them. The study may have been renamed since it was configured.
    """
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    is_settled = bool(settled_verdict(verdict, config.budget, trials))
    counts, done, budget = states(trials), counted(trials), config.budget.trials
    now = datetime.now()
    # Since each was last handed out; the system clock may have been set back meanwhile.
    running_s = {
        trial.number: max(0.0, (now - (trial.datetime_start or now)).total_seconds())
        for trial in trials
        if owner.alive and trial.state is TrialState.RUNNING and trial_spec(trial) is not None
    }
    to_do = budget - done - counts[PAUSED_STATE]  # most paused trials are given up
    return StudyState(
        trials=trials,
        complete=complete,
        counts=counts,
        done=done,
        best=best_trial(complete),
        baseline=complete_baseline(complete),
        coordinator=_coordinator_status(
            owner, url, name, unfinished=not is_settled and done < budget
        ),
        running_s=running_s,
        eta_s=None if is_settled else _eta_s(trials, running_s.values(), to_do),
    )


def scored_trial(trial: FrozenTrial) -> ScoredTrial:
    """Return a complete trial with its score; NaN for figures that were not stored."""
    spec = trial_spec(trial)
    return ScoredTrial(
        number=trial.number,
        what=describe(spec) if spec is not None else "",
        score=trial_score(trial),
        gradient=float(trial.user_attrs.get("gradient", math.nan)),
        peak=float(trial.user_attrs.get("peak", math.nan)),
        error=trial_error(trial),
        value=ranking_value(trial),
    )


def _coordinator_status(
    owner: LockOwner, url: str, name: str, *, unfinished: bool
) -> CoordinatorStatus:
    then = resume_hint(url, owner.command, name)
    if owner.alive:
        note = f"run by {owner.description}"
    elif owner.died:
        note = f"its coordinator, process {owner.pid}, is gone without an orderly end; {then}"
    elif unfinished:
        note = f"not being run, with trials left to do; {then}"
    else:
        note = "finished"
    return CoordinatorStatus(owner.pid, owner.host, owner.alive, note)


def _eta_s(trials: Sequence[FrozenTrial], running_s: Collection[float], to_do: int) -> float | None:
    """Return the seconds left, None where nothing runs or nothing is known of the pace.

    Running trials are among the ``to_do`` left in the budget.
    """
    took_s = [
        float(seconds)
        for trial in trials
        if trial.state.is_finished()
        and was_run(trial)
        and isinstance(seconds := trial.user_attrs[RECORD].get("seconds"), int | float)
    ]
    if not running_s or not took_s:
        return None
    left_s = max(0, to_do) * mean(took_s) - sum(running_s)
    return max(0.0, left_s / len(running_s))
