"""A trained ensemble that several tests forecast from."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.results.run_folder import TrainedRun, load_run
from fieldsharp.sweep.results.train_run import train_into
from tests.sweep.results.members import SEED_OF_TRAINING


@pytest.fixture(scope="session")
def ensemble_folder(tmp_path_factory: pytest.TempPathFactory, tiny_yaml: Path) -> Path:
    """A run folder of an ensemble with a sharpener; stride, history and horizon are 2."""
    folder = tmp_path_factory.mktemp("ensemble") / "run"
    settings = ["data.stride=2", "sharpening.name=quantile", "training.epochs=1"]
    settings += ["predictor.name=ensemble", "predictor.options.member=unet", "loss.base=crps"]
    settings += [f"training.seed={SEED_OF_TRAINING}", "predictor.options.members=2"]
    train_into(load_config(tiny_yaml, settings), folder)
    return folder


@pytest.fixture(scope="session")
def ensemble(ensemble_folder: Path) -> TrainedRun:
    return load_run(ensemble_folder)
