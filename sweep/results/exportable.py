"""Which trials can be exported: all with a known configuration that did not fail."""

from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.study.trial_records import (
    FAILURE,
    TrialRecord,
    best_trial,
    read_record,
    read_spec,
    state_name,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec

Requirement = Callable[[FrozenTrial, Sequence[FrozenTrial]], None]
"""Refuses a trial that was asked for, among all trials of its study, with a ``StudyError``."""


def exported_parts(trial: FrozenTrial) -> tuple[TrialSpec, TrialRecord | None]:
    """Return the specification of a trial and its outcome, None of a pruned one without any.

    The outcome of a trial that is not complete is of its last epoch, when it was given up or
    paused.

    Raises:
        StudyError: If it cannot be exported.
    """
    spec, record = read_spec(trial), read_record(trial)
    state, number = state_name(trial), trial.number
    if trial.state is TrialState.FAIL:
        reason = str(trial.user_attrs.get(FAILURE, "no reason was kept")).partition(";")[0]
        raise StudyError(
            f"trial {number} failed ({reason.rstrip('.')}), so its configuration would most likely "
            "fail again"
        )
    if spec is None:
        raise StudyError(f"trial {number} is {state} and was not configured by this program")
    if record is None and trial.state is TrialState.COMPLETE:
        raise StudyError(f"trial {number} is {state} and has no record of its training")
    if record is None and trial.state is not TrialState.PRUNED:
        raise StudyError(f"trial {number} is {state} and has no numbers yet")
    return spec, record


def require_exportable(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> None:
    """Check that a trial can be exported: it is complete, pruned or paused.

    Raises:
        StudyError: If it cannot be, with another one that can.
    """
    try:
        exported_parts(trial)
    except StudyError as error:
        raise StudyError(f"{error}; {_instead(trials)}") from None


def require_complete(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> None:
    """Check that a trial is complete, as a report compares trials.

    Raises:
        StudyError: If it is not, with another one that is.
    """
    if trial.state is TrialState.COMPLETE:
        return
    best = best_trial(list(trials))
    then = (
        "choose a complete trial when there is one"
        if best is None
        else f"choose a complete trial, such as --trial {best.number}"
    )
    state = state_name(trial)
    raise StudyError(f"trial {trial.number} is {state}, and a report is of complete ones; {then}")


def no_complete_trial(study: str, trials: Sequence[FrozenTrial]) -> StudyError:
    """Return the error of an export of the best where none is complete."""
    return StudyError(f"study {study!r} has no complete trial yet; {_instead(trials)}")


def _instead(trials: Sequence[FrozenTrial]) -> str:
    """Return what to export instead, a trial that can be, as it is typed."""
    best = best_trial(list(trials))
    others = (trial for trial in reversed(trials) if _can_be_exported(trial))
    chosen = best if best is not None else next(others, None)
    if chosen is None:
        return "wait for a complete trial and look with the status command"
    return f"export one that is complete, pruned or paused, such as --trial {chosen.number}"


def _can_be_exported(trial: FrozenTrial) -> bool:
    try:
        exported_parts(trial)
    except StudyError:
        return False
    return True
