"""A finished training that several tests forecast from, and a sweep whose trials are scripted."""

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.results.run_folder import TrainedRun, load_run
from fieldsharp.sweep.results.train_run import train_into
from fieldsharp.sweep.study.data_summary import DataSummary
from tests.sweep.fake_sweep import MakeSweep, Sweep
from tests.sweep.members_study import MembersStudy, run_members_study


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny_yaml: Path) -> Path:
    """A run folder without sharpener; stride 2, so that forecast times are two hours apart."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train_into(load_config(tiny_yaml, ["data.stride=2", "sharpening.name=none"]), folder)
    return folder


@pytest.fixture(scope="session")
def trained(run_folder: Path) -> TrainedRun:
    return load_run(run_folder)


@pytest.fixture(scope="session")
def members_study(
    tmp_path_factory: pytest.TempPathFactory, tiny_yaml: Path, tiny_data: ForecastData
) -> MembersStudy:
    """A baseline and an ensemble, really trained; not to be changed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('members') / 'x.db'}"
    return run_members_study(url, tiny_yaml, tiny_data)


@pytest.fixture
def make_sweep(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> MakeSweep:
    def make(trials: int, **sections: Any) -> Sweep:
        tree = tiny_config.model_dump()
        tree["search"]["presets"] = "baseline"
        tree["budget"] |= {"trials": trials, "stop_on_nothing_to_fix": False}
        for name, section in sections.items():
            tree[name] = {**tree[name], **section}
        return Sweep(storage_url, SweepConfig.model_validate(tree), tiny_facts)

    return make
