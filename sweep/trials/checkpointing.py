"""The checkpoints of one attempt at a trial: taken up where there is one, written every epoch."""

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
    """Reads what earlier attempts at a trial left, and writes for those to come.

    Args:
        folder: Of the trial; None where none are kept.
        spec: Of the trial.
    """

    def __init__(self, folder: Path | None, spec: TrialSpec) -> None:
        self._folder = folder
        self._spec = spec
        self._fingerprint = spec.fingerprint
        self._has_folder = False

    def take_up(self, trial: Trial) -> float:
        """Bring a trial to its newest whole checkpoint and return the seconds spent until then.

        One that is damaged, of other settings or of another version is passed over.

        Raises:
            OSError: If the folder of this attempt cannot be made.
        """
        if self._folder is None:
            return 0.0
        for content in checkpoints(self._folder):
            try:
                found = decode(content)
                if found.fingerprint != self._fingerprint:
                    continue
                reports = reports_from_text(found.reports)
                trial.restore(found.trainer, reports)
            except TrainingFailed as error:
                logger.warning("trial %d: %s", self._spec.number, error)
                continue
            self._make_folder(self._folder)
            return found.seconds
        self._make_folder(self._folder)
        return 0.0

    def write(self, trial: Trial, seconds: float) -> None:
        """Write a checkpoint of where a trial stands.

        Args:
            trial: After a whole epoch.
            seconds: Spent on it so far.

        Raises:
            OSError: If it cannot be written.
        """
        if self._folder is None:
            return
        content = encode(
            Checkpoint(self._fingerprint, trial.state(), reports_as_text(trial.reports), seconds)
        )
        if not self._has_folder:  # the disk took none when the attempt began
            self._make_folder(self._folder)
        done = trial.trainer.epochs_done
        write_checkpoint(self._folder, self._spec.attempt, done, content)

    def _make_folder(self, folder: Path) -> None:
        make_attempt_folder(folder, self._spec.attempt)
        self._has_folder = True
