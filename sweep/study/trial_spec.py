"""What one trial is to train: what travels to a worker and is kept with the trial."""

import hashlib
import json
from typing import Literal

from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.sweep.configuration.run_settings import RunSettings

Part = Literal["validation", "test"]
"""The part of the series a forecast is judged on."""


class TrialSpec(Settings):
    """What a worker needs to run a trial; travels as JSON and is kept with the trial.

    Attributes:
        number: The trial's number in its study.
        attempt: Counts from 1 each time the trial is started.
        preset: Name of the preset, None for a trial the sampler chose.
        run: Every setting of the training.
        data_sha256: Of the data file the study was started on; a worker that finds another refuses.
        judged_on: The part of the series its forecast is judged on: after every epoch on the
            validation part, on the test part after the last epoch alone.
        micro_batches: Parts a batch is computed in; more than one after it ran out of memory.
        until: Epochs after which it is handed back, perhaps to be gone on with; None at its end.
    """

    number: int = Field(ge=0)
    attempt: int = Field(1, ge=1)
    preset: str | None = None
    run: RunSettings
    data_sha256: str | None = None
    judged_on: Part = "validation"
    micro_batches: int = Field(1, ge=1)
    until: int | None = Field(None, ge=1)

    @property
    def judged_every_epoch(self) -> bool:
        """Whether what a pruner looks at is wanted, or the final word alone."""
        return self.judged_on == "validation"

    @property
    def can_be_halved(self) -> bool:
        """Whether half a batch at a time is something new to try."""
        return self.micro_batches == 1 < self.run.training.batch_size

    @property
    def fingerprint(self) -> str:
        """What a checkpoint must have been written under to be gone on with."""
        tree = self.model_dump(mode="json", include={"run", "data_sha256", "judged_on"})
        del tree["run"]["data"]["path"]  # the file may have moved; its contents are in it
        if self.run.training.schedule == "cosine":  # before there was a choice, it was that
            del tree["run"]["training"]["schedule"]
        if self.run.trainer is None:  # before there were scripts
            del tree["run"]["trainer"]
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
