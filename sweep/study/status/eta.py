"""How long a study still takes, from the trials that ended."""

from collections.abc import Sequence
from datetime import datetime
from statistics import mean

from optuna.trial import FrozenTrial


def seconds_running(trial: FrozenTrial, now: datetime) -> float:
    """Return how long a running trial has been at work since it was last handed out."""
    began = trial.datetime_start
    # The clock on the wall may have been set since.
    return max(0.0, (now - began).total_seconds()) if began is not None else 0.0


def eta_s(took_s: Sequence[float], at_work_s: Sequence[float], to_do: int) -> float | None:
    """Return the seconds left, None where nothing runs or nothing is known of the pace.

    Args:
        took_s: What each trial took that ended, as its worker measured it.
        at_work_s: How long each running trial has been at work.
        to_do: Trials the budget still has, the running ones among them.
    """
    if not at_work_s or not took_s:
        return None
    left = max(0, to_do) * mean(took_s) - sum(at_work_s)
    return max(0.0, left / len(at_work_s))
