"""What follows a failed attempt at a training: one policy for a sweep and for `confirm`."""

from collections.abc import Callable
from dataclasses import dataclass

from fieldsharp.sweep.study.retry_history import RetryHistory
from fieldsharp.sweep.study.trial_events import TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec

RESTORE_THE_DATA = "put it back"
FREE_THE_MACHINE = "end other programs on this machine"


@dataclass(frozen=True)
class Retry:
    """The attempt is made again.

    Attributes:
        history: Attempts lost with their worker so far, this one included; None if it was not lost.
        micro_batches: Parts that a batch is trained in from now on; None leaves it as it is.
        waits_for: What the user has to do before any training can start; "" if nothing.
        reason: Why the attempt failed, for the log; "" if nothing is to be logged.
        note: How it is tried again.
    """

    history: RetryHistory | None = None
    micro_batches: int | None = None
    waits_for: str = ""
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class GiveUp:
    """The training has failed for good.

    Attributes:
        reason: One sentence.
    """

    reason: str


def after_failure(
    failure: TrialFailed,
    spec: TrialSpec,
    attempts: int,
    lost: Callable[[], tuple[int, RetryHistory]],
    *,
    stopping: bool,
) -> Retry | GiveUp:
    """Return what is done about a failed attempt.

    Out of memory: again with half a batch at a time, once. A lost worker: again, until so many
    attempts in a row finished no further epoch. Missing data or an exhausted machine: again once
    that is mended. Anything else would fail again.

    Args:
        failure: Of the attempt.
        spec: What was trained.
        attempts: Attempts in a row that may be lost, see ``RecoverySettings``.
        lost: Reads the epochs in the newest checkpoint, and the lost attempts with this one.
        stopping: Whether the work is being stopped: the signal may have ended the worker, too.
    """
    match failure.cause:
        case "worker" if stopping:
            return Retry()
        case "worker":
            return after_loss(*lost(), attempts)
        case "data":
            return Retry(waits_for=RESTORE_THE_DATA)
        case "machine":
            return Retry(waits_for=FREE_THE_MACHINE)
        case "memory" if spec.can_be_halved:
            return Retry(
                micro_batches=2,
                reason=f"out of memory ({failure.reason})",
                note="with half a batch at a time",
            )
        case "memory":
            halves = " with half a batch at a time" if spec.micro_batches > 1 else ""
            return GiveUp(f"out of memory{halves}: {failure.reason}")
        case "training":
            return GiveUp(failure.reason)


def after_loss(epochs_done: int, history: RetryHistory, attempts: int) -> Retry | GiveUp:
    """Return what is done about an attempt that was lost with its worker or its coordinator.

    Args:
        epochs_done: Epochs in its newest checkpoint.
        history: The lost attempts, with this one.
        attempts: How many in a row may be lost.
    """
    if len(history.reasons) >= attempts:
        return GiveUp(history.given_up())
    start = f"with the checkpoint after epoch {epochs_done}" if epochs_done else "from epoch 1"
    return Retry(history=history, reason=history.reasons[-1], note=start)
