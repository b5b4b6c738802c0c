"""What is sent to a worker: a trial, and where its checkpoints are, or a word."""

from pathlib import Path

from fieldsharp.fields.settings import Settings
from fieldsharp.sweep.study.trial_spec import TrialSpec

READY = "ready"
"""A worker's first word: it has loaded what it needs and listens."""
CANCEL = "cancel"
PAUSE = "pause"
QUIT = "quit"
"""Words to a worker: end the trial now, after its epoch; end yourself."""


class Assignment(Settings):
    """A trial for a worker; travels as JSON.

    Attributes:
        spec: What to train.
        checkpoints: Folder of the trial's checkpoints, None where it keeps none.
    """

    spec: TrialSpec
    checkpoints: Path | None
