"""Settings of how a sweep is run: budget, processes, recovery; none changes a training's result.

Durations are written as 90s, 30m, 2h or 1d.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from fieldsharp.fields.settings import Settings
from fieldsharp.storage.location.passwords import mask_password

_DURATION = re.compile(r"(?P<count>\d+(\.\d+)?)\s*(?P<unit>[smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: Any) -> Any:
    if value is None:
        return None
    match = _DURATION.fullmatch(str(value).strip())
    if not match or float(match["count"]) <= 0:
        raise ValueError(f"must be a duration such as 90s, 30m, 2h or 1d, found {value!r}")
    return str(value).strip()


Duration = Annotated[str, BeforeValidator(_duration)]


def seconds(duration: Duration) -> float:
    """Return a validated duration in seconds."""
    match = _DURATION.fullmatch(duration)
    assert match is not None, "validated"
    return float(match["count"]) * _SECONDS[match["unit"]]


class BudgetSettings(Settings):
    """When a sweep ends: at whichever limit comes first."""

    trials: int = Field(
        16,
        ge=1,
        le=1_000_000,
        description="number of trials in the study, including those of earlier runs",
    )
    timeout: Duration | None = Field(
        None,
        description="time limit such as 90s, 30m, 2h, 1d; trials that are running at its end "
        "are finished",
    )
    stop_on_nothing_to_fix: bool = Field(
        True, description="start no more trials if the baseline is inside the target band"
    )
    stop_on_success: bool = Field(
        False,
        description="start no more trials once the verdict is success and success_trials further "
        "trials have ended since its trial",
    )
    success_trials: int = Field(
        5,
        ge=0,
        description="further trials after the best success, in search of a better one, before "
        "the sweep ends",
    )

    @property
    def timeout_s(self) -> float | None:
        """The time limit in seconds."""
        return None if self.timeout is None else seconds(self.timeout)


class WorkerSettings(Settings):
    """The processes that train."""

    count: int | None = Field(
        None,
        ge=1,
        le=256,
        description="trials at the same time: by default 2, or one per GPU if there are more; "
        "with per_gpu the largest number",
    )
    per_gpu: int | None = Field(
        None,
        ge=1,
        le=64,
        description="trials at the same time on each GPU; no effect without a GPU",
    )
    share_data_above_mb: int = Field(
        256,
        ge=0,
        description="data of more MB (single precision, all variables) are written to a file once, "
        "beside the database, which all workers of a machine read; smaller data are in the memory "
        "of each",
    )


class RaySettings(Settings):
    """A Ray cluster that trials are sent to, where ``executor`` is ray."""

    address: str = Field(
        "auto",
        min_length=1,
        description="host:port of the cluster's head; auto takes RAY_ADDRESS, or the cluster of "
        "this machine",
    )
    cpus: float | None = Field(
        None, gt=0, le=1024, description="CPUs of each trial; by default training.threads"
    )
    checkpoints: str | None = Field(
        None,
        description="store of checkpoints for all nodes: any address that fsspec knows, such as "
        "s3://bucket/sweeps; by default the folder beside the database, which every "
        "node must be able to use",
    )
    packages: Literal["installed", "requirements"] = Field(
        "installed",
        description="installed: every node has the packages; requirements: Ray installs those of "
        "requirements.txt on each node before its first trial",
    )
    send_data_mb: int = Field(
        1024, ge=0, description="largest data file that is sent to nodes that cannot read it"
    )

    @field_validator("checkpoints")
    @classmethod
    def _is_shared_and_without_secrets(cls, value: str | None) -> str | None:
        if value is None:
            return value
        if mask_password(value) != value:
            raise ValueError(
                "must hold no password, key or token, since it is kept with the study; leave that "
                "to where the package for such addresses looks for it, on every node"
            )
        protocol, _, path = value.rpartition("://")
        if protocol in ("", "file", "local") and not path.startswith("/"):
            raise ValueError(
                f"must be the same place on every node, found {value!r}; give an absolute path"
            )
        if protocol == "memory":
            raise ValueError(
                f"must be a place that every node sees, found {value!r}, which each process has "
                "for itself; give a shared folder or an object store"
            )
        return value


class RecoverySettings(Settings):
    """What a sweep does against crashes, hanging workers, full disks and lost databases."""

    attempts: int = Field(
        3,
        ge=1,
        le=1000,
        description="a trial fails after so many attempts in a row without finishing a further "
        "epoch",
    )
    progress_deadline: Duration = Field(
        "10m",
        description="a worker without a training step for so long is ended and its trial tried "
        "again; must exceed the time to load the data and to evaluate an epoch",
    )
    patience: Duration = Field(
        "10m",
        description="longest wait for a database that cannot be written, or for a full disk, "
        "before the sweep stops",
    )
    free_space_mb: int = Field(
        500, ge=0, description="no trial is started while the database's disk has less space free"
    )
    keep_best: int = Field(
        3,
        ge=0,
        description="number of best trials whose last checkpoint is kept after their end, with "
        "the baseline's; 0 keeps none, but that of a baseline that trials go on from "
        "(training.start)",
    )
    backup_every: Duration = Field(
        "10m", description="time between two backups of the database while the sweep changes it"
    )
    backups: int = Field(
        5, ge=1, le=1000, description="number of backups of the database that are kept"
    )
