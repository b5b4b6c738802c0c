"""Attempts at a trial that were lost with their worker or coordinator without a new epoch."""

from optuna.trial import FrozenTrial

from fieldsharp.fields.settings import Settings
from fieldsharp.sweep.study.trial_records import LOST, read_stored


class RetryHistory(Settings):
    """Consecutive attempts that were lost before they finished a further epoch.

    Attributes:
        epochs_done: Epochs in the checkpoints of the trial.
        reasons: Why each attempt ended.
        attempt: Number of the last lost attempt.
    """

    epochs_done: int = 0
    reasons: tuple[str, ...] = ()
    attempt: int = 0

    def and_another(self, attempt: int, epochs_done: int, reason: str) -> "RetryHistory":
        """Return the history with another lost attempt; it begins anew after a further epoch.

        The same attempt is never counted twice: a coordinator may die after it has written the
        history and before the trial is requeued.
        """
        if attempt == self.attempt:
            return self
        before = self.reasons if epochs_done <= self.epochs_done else ()
        return RetryHistory(epochs_done=epochs_done, reasons=(*before, reason), attempt=attempt)

    def given_up(self) -> str:
        """Return the sentence that says why the trial is not retried."""
        last = self.reasons[-1]
        count = len(self.reasons)
        if count == 1:
            return last
        others = dict.fromkeys(reason for reason in self.reasons[:-1] if reason != last)
        before = f" (before that: {'; '.join(others)})" if others else ""
        return (
            f"given up after {count} attempts that finished no epoch beyond epoch "
            f"{self.epochs_done}, the last because {last}{before}"
        )


def retry_history(trial: FrozenTrial) -> RetryHistory:
    """Return the stored history of a trial, an empty one where none is stored.

    Raises:
        StudyError: If another version or another program wrote it.
    """
    stored = trial.user_attrs.get(LOST)
    return (
        read_stored(RetryHistory, stored, f"{LOST} of trial {trial.number}")
        if stored
        else RetryHistory()
    )
