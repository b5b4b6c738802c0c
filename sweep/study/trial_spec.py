"""The specification of one trial: sent to a worker as JSON and stored with the trial."""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.sweep.configuration.run_settings import RunSettings

Part = Literal["validation", "test"]
"""The part of the series that a forecast is evaluated on."""


class TrialSpec(Settings):
    """Everything a worker needs to run a trial.

    Attributes:
        number: The trial's number in its study.
        attempt: Counts from 1 each time the trial is started.
        preset: Name of the preset, None for a trial the sampler chose.
        run: Every setting of the training.
        data_sha256: Of the data file the study was started on; a worker that finds another refuses.
        judged_on: The part of the series that its forecast is evaluated on: the validation part
            after every epoch, the test part only after the last.
        micro_batches: Parts that a batch is computed in; more than one after it ran out of memory.
        until: Epochs after which training stops, perhaps to be resumed; None for all epochs.
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
        """Whether the forecast is evaluated after every epoch, as pruners need it."""
        return self.judged_on == "validation"

    @property
    def can_be_halved(self) -> bool:
        """Whether a retry with half a batch at a time is possible."""
        return self.micro_batches == 1 < self.run.training.batch_size

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is trained; a checkpoint of another fingerprint is not resumed from."""
        tree = self.model_dump(mode="json", include={"run", "data_sha256", "judged_on"})
        del tree["run"]["data"][
            "path"
        ]  # the file may have moved; the hash of its contents is included
        if self.run.training.schedule == "cosine":  # the only one before the setting existed
            del tree["run"]["training"]["schedule"]
        if self.run.trainer is None:  # before scripts were supported
            del tree["run"]["trainer"]
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


class Assignment(Settings):
    """A trial for a worker; sent as JSON.

    Attributes:
        spec: The trial.
        checkpoints: Folder of the trial's checkpoints, None to write none.
    """

    spec: TrialSpec
    checkpoints: Path | None
