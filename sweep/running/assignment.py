"""What is sent to a worker: a trial, and where its checkpoints are."""

from pathlib import Path

from fields.settings import Settings
from sweep.study.trial_spec import TrialSpec


class Assignment(Settings):
    """A trial for a worker; travels as JSON.

    Attributes:
        spec: What to train.
        checkpoints: Folder of the trial's checkpoints, None where it keeps none.
    """

    spec: TrialSpec
    checkpoints: Path | None
