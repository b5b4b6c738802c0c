"""Trainings of trials with other seeds than the search had, as they are stored with the study."""

from collections.abc import Mapping
from typing import Literal

from optuna.study import Study
from pydantic import Field, model_validator

from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.study.confirmation.attributes import write_attributes
from fieldsharp.sweep.study.trial_records import read_stored

Purpose = Literal["validation", "test", "repeat"]
"""Why a trial is trained with other seeds: to be compared in a confirmation, on the validation
split; to be tested in one; or to tell the leaders of a search apart, on the validation split."""
RUN_PREFIXES: Mapping[Purpose, str] = {
    "validation": "compare:",
    "test": "confirm:",
    "repeat": "repeat:",
}
"""Of the attributes that trainings are stored in."""
Runs = dict[tuple[int, int], "ConfirmedRun"]
"""By trial and seed."""


class ConfirmedRun(Settings):
    """One training of a trial's configuration with a new seed, judged on one split.

    Device and precision (of its matrix products) are empty where it failed.

    Attributes:
        judgement: Every metric on the split after the last epoch, physical units, with the
            sharpener; None where it failed.
        failure: Why it failed; None where it did not.
        seconds: Wall time of the training.
        sharpening: The sharpener of its forecast, or none.
        without: Every metric without the sharpener; None where it has none, or failed.
        sharpened: Every metric under each sharpener that could be fitted; only of the baseline,
            and None where an earlier version trained it.
        frontier: The least RMSE at each sharpness, on the split; only of the baseline, None where
            an earlier version trained it.
        window_statistics: Of each forecast that is compared; None where an earlier version trained
            it. The truth's are with the baseline's.
    """

    trial: int
    seed: int
    judgement: MetricValues | None = None
    failure: str | None = None
    seconds: float = 0.0
    device: str = ""
    precision: str = ""
    sharpening: str = NO_SHARPENER
    without: MetricValues | None = None
    sharpened: dict[str, MetricValues] | None = None
    frontier: Frontier | None = None
    window_statistics: WindowStatistics | None = Field(
        None, exclude_if=lambda statistics: statistics is None
    )

    @property
    def forecasts(self) -> Mapping[str, MetricValues]:
        """The metrics of its forecast by sharpener, that without first; empty where it failed."""
        if self.judgement is None:
            return {}
        return {
            NO_SHARPENER: self.without or self.judgement,
            self.sharpening: self.judgement,
            **(self.sharpened or {}),
        }

    @model_validator(mode="after")
    def _evaluated_or_failed(self) -> "ConfirmedRun":
        if (self.judgement is None) == (self.failure is None):
            raise ValueError("a run has either a judgement or a failure")
        return self


def read_runs(study: Study, url: str, purpose: Purpose) -> Runs:
    """Return every stored training with other seeds that had a purpose.

    Raises:
        StudyError: If another version of this program wrote one.
        StorageError: If the database cannot be read.
    """
    with database_errors(url):
        attributes = study.user_attrs
    stored = [
        read_stored(ConfirmedRun, attribute, f"{name} kept with study {study.study_name!r}")
        for name, attribute in attributes.items()
        if name.startswith(RUN_PREFIXES[purpose])
    ]
    return {(run.trial, run.seed): run for run in stored}


def write_run(study: Study, url: str, run: ConfirmedRun, purpose: Purpose) -> None:
    """Store a run as soon as it has ended; only while the study's lock is held."""
    write_attributes(study, url, {f"{RUN_PREFIXES[purpose]}{run.trial}:{run.seed}": run})
