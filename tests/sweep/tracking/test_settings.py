"""Settings of trackers: no secret is taken, and none is shown."""

from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import validate
from fieldsharp.sweep.configuration.tracking import TrackingSettings
from fieldsharp.sweep.tracking import packages
from fieldsharp.sweep.tracking.packages import require_packages


def refused(tracking: object) -> str:
    with pytest.raises(ConfigError) as error:
        validate({"data": {"path": "x.nc"}, "tracking": tracking}, "a test")
    return str(error.value)


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:s3cret@host:5000",
        "http://s3cret@host:5000",
        "postgresql://me:s3cret@host/runs",
        "http://host:5000/?token=s3cret",
    ],
)
def test_an_address_with_a_secret_is_refused_and_masked(uri: str) -> None:
    sentence = refused({"mlflow": {"uri": uri}})
    assert "s3cret" not in sentence
    assert "MLFLOW_TRACKING_PASSWORD" in sentence


def test_a_key_in_the_file_is_refused_and_not_shown() -> None:
    sentence = refused({"wandb": {"api_key": "s3cret"}})
    assert "s3cret" not in sentence
    assert "unknown setting tracking.wandb.api_key" in sentence


def test_an_address_that_mlflow_does_not_know_is_refused() -> None:
    assert "MLflow does not know" in refused({"mlflow": {"uri": "ftp://host/runs"}})


def test_paths_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = TrackingSettings.model_validate(
        {"tensorboard": {}, "mlflow": {"uri": "sqlite:///a.db"}, "wandb": {}}
    )
    assert found.tensorboard is not None
    assert found.tensorboard.folder == str(tmp_path / "runs")
    assert found.mlflow is not None
    assert found.mlflow.uri == f"sqlite:///{tmp_path / 'a.db'}"


def test_a_missing_package_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(packages.PACKAGES, "mlflow", ("no_such_module", "mlflow-skinny"))
    with pytest.raises(ConfigError, match="python -m pip install mlflow-skinny"):
        require_packages(TrackingSettings.model_validate({"mlflow": {}}))
