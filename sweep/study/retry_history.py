"""How often a trial was lost with its worker or its coordinator, since it last got further."""

from optuna.trial import FrozenTrial

from fieldsharp.fields.settings import Settings
from fieldsharp.sweep.study.trial_records import LOST, read_kept


class RetryHistory(Settings):
    """Attempts that ended, one after the other, before a further epoch was finished.

    Attributes:
        epochs_done: How far the trial had got, by its checkpoints.
        reasons: Why each of them ended.
        attempt: The last of them.
    """

    epochs_done: int = 0
    reasons: tuple[str, ...] = ()
    attempt: int = 0

    def and_another(self, attempt: int, epochs_done: int, reason: str) -> "RetryHistory":
        """Return the same after another attempt: the count begins anew where it got further.

        An attempt that is counted is not counted again: its coordinator may have died as it had
        written the one half down, that it was lost, and not the other, that it waits again.
        """
        if attempt == self.attempt:
            return self
        before = self.reasons if epochs_done <= self.epochs_done else ()
        return RetryHistory(epochs_done=epochs_done, reasons=(*before, reason), attempt=attempt)

    def given_up(self) -> str:
        """Return in words why the trial is not tried once more."""
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
    """Return what is kept of a trial's lost attempts."""
    kept = trial.user_attrs.get(LOST)
    return (
        read_kept(RetryHistory, kept, f"{LOST} of trial {trial.number}") if kept else RetryHistory()
    )
