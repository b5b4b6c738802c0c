"""A finished training that several tests forecast from."""

from pathlib import Path

import pytest

from sweep.configuration.config_file import load_config
from sweep.results.run_folder import TrainedRun, load_run
from sweep.results.single_training import train_into


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny_yaml: Path) -> Path:
    """A run folder; stride 2, so that times of a forecast are two hours apart."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train_into(load_config(tiny_yaml, ["data.stride=2"]), folder)
    return folder


@pytest.fixture(scope="session")
def trained(run_folder: Path) -> TrainedRun:
    return load_run(run_folder)
