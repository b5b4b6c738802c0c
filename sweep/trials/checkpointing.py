"""Checkpoints of one attempt at a trial: restored at its begin, written every epoch."""

import logging
from pathlib import Path

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.model.checkpoint import Checkpoint, decode, encode
from fieldsharp.storage.trial_files.checkpoints import (
    checkpoints,
    make_attempt_folder,
    write_checkpoint,
)
from fieldsharp.sweep.study.epoch_report import reports_as_text, reports_from_text
from fieldsharp.sweep.study.trial_events import FoundLength
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.trial import Trial

logger = logging.getLogger(__name__)


class TrialCheckpoints:
    """Restores checkpoints of earlier attempts at a trial, and writes further ones.

    Without a folder it writes none.

    Attributes:
        spec: Of the trial.
    """

    def __init__(self, folder: Path | None, spec: TrialSpec) -> None:
        self._folder = folder
        self.spec = spec
        self._fingerprint = spec.fingerprint
        self._elsewhere = spec.judged_elsewhere.fingerprint if spec.judged_at_end else None
        self._has_folder = False

    def restore(self, trial: Trial) -> float:
        """Restore a trial from its newest intact checkpoint; return the seconds spent until then.

        Or from that of the same training, if it is finished and was judged on the other split: its
        forecast is then evaluated, and nothing is trained. A checkpoint that is damaged, of other
        settings or of another version is skipped.

        Raises:
            OSError: If the folder of this attempt cannot be made.
        """
        if self._folder is None:
            return 0.0
        for content in checkpoints(self._folder):
            try:
                checkpoint = decode(content)
                if checkpoint.fingerprint not in (self._fingerprint, self._elsewhere):
                    continue
                reports = reports_from_text(checkpoint.reports)
                if checkpoint.fingerprint == self._fingerprint:
                    trial.restore(checkpoint.trainer, reports)
                elif trial.is_end(checkpoint.trainer):
                    trial.restore_finished(checkpoint.trainer, reports[-1].losses)
                else:
                    continue
            except TrainingFailed as error:
                logger.warning("trial %d: %s", self.spec.number, error)
                continue
            self._make_folder(self._folder)
            return checkpoint.seconds
        self._make_folder(self._folder)
        return 0.0

    def write(self, trial: Trial, seconds: float) -> None:
        """Write a checkpoint of a trial after a whole epoch, with the seconds spent so far.

        Raises:
            OSError: If it cannot be written.
        """
        if self._folder is None:
            return
        content = encode(
            Checkpoint(self._fingerprint, trial.state(), reports_as_text(trial.reports), seconds)
        )
        if not self._has_folder:  # it could not be made when the attempt began
            self._make_folder(self._folder)
        done = trial.trainer.epochs_done
        write_checkpoint(self._folder, self.spec.attempt, done, content)

    def write_found(self, trial: Trial, found: FoundLength, seconds: float) -> None:
        """Write the checkpoint of the epoch where a training of length ``auto`` is kept.

        It is that of a training of this fixed length. Its number follows that of the last epoch:
        it is then the one that stays, while an attempt that goes on finds that of the last epoch.

        Raises:
            OSError: If it cannot be written.
        """
        if self._folder is None:
            return
        fingerprint = self.spec.with_length(found.epochs).fingerprint
        state, reports = trial.trainer.state(), reports_as_text(trial.reports)
        content = encode(Checkpoint(fingerprint, state, reports, seconds))
        write_checkpoint(self._folder, self.spec.attempt, found.epochs_looked_at + 1, content)

    def _make_folder(self, folder: Path) -> None:
        make_attempt_folder(folder, self.spec.attempt)
        self._has_folder = True
