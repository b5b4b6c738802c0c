"""The specification of one trial: sent to a worker as JSON and stored with the trial."""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from fieldsharp.fields.settings import DataSettings, GridMeasures, Settings
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.settings import LENGTH_SETTINGS, TrainingSettings
from fieldsharp.objectives.settings import MembersJudged
from fieldsharp.sweep.configuration.baseline_start import trained_first
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.training_length import fixed_length

Part = Literal["validation", "test"]
"""The part of the series that a forecast is evaluated on."""


class TrialSpec(Settings):
    """Everything a worker needs to run a trial.

    Attributes:
        attempt: Counts from 1 each time the trial is started.
        preset: Name of the preset, None for a trial the sampler chose.
        run: Every setting of the training.
        data_sha256: Of the data file the study was started on; a worker that finds another refuses.
        judged_on: The part of the series that its forecast is evaluated on.
        judged_at_end: Whether it is evaluated after the last epoch alone.
        micro_batches: Parts that a batch is computed in; more than one after it ran out of memory.
        until: Epochs after which training stops, perhaps to be resumed; None for all epochs.
        rungs: Epochs after which it is compared with other trials; its forecast is then sharpened
            as it is after the last.
        measures: What its forecast is judged by of the grid.
        members: What the members of an ensemble are judged by together; None to judge one.
        starts_with: The trial whose weights it goes on from, whose checkpoint is kept beside its
            own; None where it starts fresh, or trains that first.
    """

    number: int = Field(ge=0)
    attempt: int = Field(1, ge=1)
    preset: str | None = None
    run: RunSettings
    data_sha256: str | None = None
    judged_on: Part = "validation"
    judged_at_end: bool = Field(False, exclude_if=lambda at_end: not at_end)
    micro_batches: int = Field(1, ge=1)
    until: int | None = Field(None, ge=1)
    rungs: tuple[int, ...] = ()
    measures: GridMeasures = GridMeasures()
    members: MembersJudged | None = None
    starts_with: int | None = Field(None, ge=0)

    @property
    def judged_every_epoch(self) -> bool:
        """Whether the forecast is evaluated after every epoch, as pruners need it."""
        return not self.judged_at_end

    @property
    def judged_elsewhere(self) -> "TrialSpec":
        """The specification of the same training, evaluated on the other part."""
        other: Part = "test" if self.judged_on == "validation" else "validation"
        return self.model_copy(update={"judged_on": other})

    @property
    def is_baseline(self) -> bool:
        """Whether it is the trial that every other one is compared with."""
        return self.preset == BASELINE

    @property
    def starts_from_baseline(self) -> bool:
        """Whether it goes on from the weights of the finished baseline.

        It then has no rungs, and every epoch of it is compared with that baseline.
        """
        return self.run.training.start == "baseline"

    @property
    def of_its_start(self) -> "TrialSpec":
        """The specification of the baseline whose weights it goes on from."""
        update = {"preset": BASELINE, "run": trained_first(self.run), "starts_with": None}
        return self.model_copy(update=update)

    @property
    def judged_under(self) -> str:
        """The setting of the sharpener that its forecast is judged with.

        The baseline is judged as it is: under the sharpeners that are tried on it, it is a
        reference.
        """
        return NO_SHARPENER if self.is_baseline else self.run.sharpening.name

    @property
    def can_be_halved(self) -> bool:
        """Whether a retry with half a batch at a time is possible."""
        return self.micro_batches == 1 < self.run.training.batch_size

    def with_length(self, epochs: int) -> "TrialSpec":
        """Return the specification of the same training with its length fixed."""
        training = fixed_length(self.run.training, epochs)
        run = self.run.model_copy(update={"training": training})
        return self.model_copy(update={"run": run})

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is trained; a checkpoint of another fingerprint is not resumed from."""
        tree = self.model_dump(mode="json", include={"run", "data_sha256", "judged_on"})
        # The file may have moved; the hash of its contents is included.
        del tree["run"]["data"]["path"]
        if self.run.training.schedule == "cosine":  # the only one before the setting existed
            del tree["run"]["training"]["schedule"]
        if not self.starts_from_baseline:  # before a training could go on from the baseline
            for name in ("start", "fine_tuning"):
                del tree["run"]["training"][name]
        for name in LENGTH_SETTINGS:  # before a length could be found
            if tree["run"]["training"][name] == TrainingSettings.model_fields[name].default:
                del tree["run"]["training"][name]
        if self.run.sharpening.name == NO_SHARPENER:  # before there were sharpeners
            del tree["run"]["sharpening"]
        if self.run.trainer is None:  # before scripts were supported
            del tree["run"]["trainer"]
        else:
            if self.run.trainer.training_forecast is None:  # before they could be sharpened
                for name in ("training_forecast", "training_truth"):
                    del tree["run"]["trainer"][name]
            if not self.run.trainer.ask_help:  # before flags were asked for
                del tree["run"]["trainer"]["ask_help"]
        for name in (
            "missing_values",  # before undeclared fill values could be named
            "allow_fill_like",
            "inputs",  # before there were several variables
            "predict",
            "static",
            "forcings",
        ):
            if getattr(self.run.data, name) == DataSettings.model_fields[name].default:
                del tree["run"]["data"][name]
        if self.measures != GridMeasures():  # the numbers of earlier epochs are stored too
            tree["measures"] = self.measures.model_dump(mode="json")
        if self.members is not None:
            tree["members"] = self.members.model_dump(mode="json")
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


class SharedData(Settings):
    """Where the workers of a machine share large data, see ``fields.stored_series.store``."""

    folder: Path
    above_mb: int
    floor_mb: int


class Assignment(Settings):
    """A trial for a worker; sent as JSON.

    Attributes:
        checkpoints: Folder of its checkpoints; None for none.
        shared: None where all data are held in memory.
    """

    spec: TrialSpec
    checkpoints: Path | None
    shared: SharedData | None = None
