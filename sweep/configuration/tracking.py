"""Settings of trackers, which show a sweep beside its database; none changes a result."""

import re
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from fieldsharp.fields.settings import Settings
from fieldsharp.storage.location.passwords import mask_password

SQLITE = "sqlite:///"
MLFLOW_SCHEMES = ("http", "https", "file", "databricks", "sqlite", "postgresql", "mysql", "mssql")
MLFLOW_SECRETS = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN,"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?=/)", re.IGNORECASE)
_WITH_USER = re.compile(r"://[^/@]+@")


def _absolute(path: str, setting: str) -> str:
    if not path.strip():
        raise ValueError("must name a folder, found ''; leave it out for the default")
    try:
        return str(Path(path).expanduser().absolute())
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{setting} {path!r} is no path ({error}); name a folder") from error


def _require_no_secret(value: str, variables: str) -> str:
    if mask_password(value) != value:
        raise ValueError(
            f"is {mask_password(value)} and must hold no password, key or token, since it is kept "
            f"with the study; leave it out, and set {variables} in the environment"
        )
    return value


class TensorBoardSettings(Settings):
    """Event files for TensorBoard."""

    folder: str = Field(
        "runs",
        validate_default=True,
        description="folder of the event files, in one folder for each study; relative to the "
        "working directory",
    )

    @field_validator("folder")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        return _absolute(value, "tracking.tensorboard.folder")


class MlflowSettings(Settings):
    """Runs in MLflow; user, password and token of a server come from MLflow's own variables."""

    uri: str | None = Field(
        None,
        description="address of a server (http://host:5000), folder, or sqlite:///mlflow.db, "
        "relative to the working directory; by default MLFLOW_TRACKING_URI, or sqlite:///mlflow.db",
    )
    experiment: str | None = Field(
        None, min_length=1, description="experiment of the runs; by default the study's name"
    )

    @field_validator("uri", mode="before")
    @classmethod
    def _is_an_address_without_secrets(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        _require_no_secret(value, MLFLOW_SECRETS)
        found = _SCHEME.match(value)
        if found is None and value != "databricks":
            return _absolute(value, "tracking.mlflow.uri")
        scheme = found[1].lower().partition("+")[0] if found else "databricks"
        if scheme not in MLFLOW_SCHEMES:
            raise ValueError(
                f"is {value}, an address that MLflow does not know; give http://host:port, a "
                f"folder, or sqlite:///mlflow.db"
            )
        if scheme in ("http", "https") and _WITH_USER.search(value):
            raise ValueError(
                f"is {_WITH_USER.sub('://***@', value)} and must name no user, since it is kept "
                f"with the study; leave that out, and set {MLFLOW_SECRETS} in the environment"
            )
        if value.startswith(SQLITE) and value != SQLITE:
            return SQLITE + _absolute(value.removeprefix(SQLITE), "tracking.mlflow.uri")
        return value


class WandbSettings(Settings):
    """Runs in Weights & Biases; key, server and mode come from W&B's own variables."""

    project: str = Field(
        "fieldsharp", min_length=1, max_length=128, description="project of the runs"
    )
    entity: str | None = Field(
        None, min_length=1, description="user or team of the project; by default the user's own"
    )
    folder: str = Field(
        ".",
        validate_default=True,
        description="folder in which W&B keeps its folder wandb; relative to the working directory",
    )

    @field_validator("project", "entity")
    @classmethod
    def _is_a_name(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return value
        _require_no_secret(value, "WANDB_API_KEY")
        wrong = re.search(r"[^\w.-]" if info.field_name == "entity" else r"[/\\#?%:\r\n]", value)
        if wrong:
            raise ValueError(f"must be a name, found {value!r}, which holds {wrong[0]!r}")
        return value

    @field_validator("folder")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        return _absolute(value, "tracking.wandb.folder")


class TrackingSettings(Settings):
    """Trackers that a sweep is mirrored to."""

    tensorboard: TensorBoardSettings | None = Field(
        None, description="event files for TensorBoard; {} for the defaults"
    )
    mlflow: MlflowSettings | None = Field(None, description="runs in MLflow; {} for the defaults")
    wandb: WandbSettings | None = Field(
        None, description="runs in Weights & Biases; {} for the defaults"
    )

    @property
    def chosen(self) -> dict[str, Settings]:
        """The settings of each tracker that is used, by its name."""
        found = {name: getattr(self, name) for name in TrackingSettings.model_fields}
        return {name: settings for name, settings in found.items() if settings is not None}
