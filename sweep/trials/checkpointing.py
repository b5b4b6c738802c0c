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
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.trial import Trial

logger = logging.getLogger(__name__)


class TrialCheckpoints:
    """Restores checkpoints of earlier attempts at a trial, and writes further ones.

    Without a folder it writes none.
    """

    def __init__(self, folder: Path | None, spec: TrialSpec) -> None:
        self._folder = folder
        self._spec = spec
        self._fingerprint = spec.fingerprint
        self._has_folder = False

    def restore(self, trial: Trial) -> float:
        """Restore a trial from its newest intact checkpoint; return the seconds spent until then.

        A checkpoint that is damaged, of other settings or of another version is skipped.

        Raises:
            OSError: If the folder of this attempt cannot be made.
        """
        if self._folder is None:
            return 0.0
        for content in checkpoints(self._folder):
            try:
                checkpoint = decode(content)
                if checkpoint.fingerprint != self._fingerprint:
                    continue
                reports = reports_from_text(checkpoint.reports)
                trial.restore(checkpoint.trainer, reports)
            except TrainingFailed as error:
                logger.warning("trial %d: %s", self._spec.number, error)
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
        write_checkpoint(self._folder, self._spec.attempt, done, content)

    def _make_folder(self, folder: Path) -> None:
        make_attempt_folder(folder, self._spec.attempt)
        self._has_folder = True
