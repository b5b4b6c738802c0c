"""Small data and a tiny sweep that several folders of tests share."""

import gc
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import torch
from playwright.sync_api import Browser

from data.plume_settings import PlumeSettings
from data.plumes import simulate
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import open_or_create_study, study_identity
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_events import EpochDone, TrialDone, TrialEvent
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.baseline_weights import baseline_training, weights_of
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial
from tests import postgres
from tests.browser import chromium

TINY_SWEEP = """\
study: tiny
data: {path: plumes.nc, history: 2, horizon: 2, train_every: 4, score_every: 2}
predictor: {name: unet, width: 4}
training: {epochs: 2, batch_size: 8, learning_rate: 3e-3, device: cpu, precision: float32}
search:
  space:
    gradient_weight: {low: 0.01, high: 10.0, log: true}
    loss_variant: {choices: [gradient, sobel, laplacian, sorted]}
    multi_step: {choices: [last, all]}
    learning_rate: {low: 1e-4, high: 1e-2, log: true}
    warmup_fraction: {low: 0.0, high: 0.15}  # leaves the plan's last round out
budget: {trials: 8}
workers: {count: 2}
"""


class InlineExecutor:
    """Implements ``Executor`` in this process: a trial is trained while it is polled for."""

    def __init__(self, data: ForecastData) -> None:
        self._data = data
        self._sampler = PreviewBuilder(data, "validation")
        self._specs: list[TrialSpec] = []

    @property
    def free_slots(self) -> int:
        return 1 - len(self._specs)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        self._specs.append(spec)

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        events: list[TrialEvent] = []
        while self._specs:
            spec = self._specs.pop()
            trial = Trial(
                spec.run,
                self._data,
                find_hardware(spec.run.training),
                Evaluator(self._data, self._data.validation, spec.members),
                sharpening=SharpeningPlan.for_trial(spec),
                with_frontier=spec.is_baseline,
            )
            if trial.needs_weights:
                first = baseline_training(spec.run, self._data, trial.hardware)
                list(first.epochs())
                trial.start_from(weights_of(first))
            events += [EpochDone(spec.number, spec.attempt, r) for r in trial.epochs()]
            seed = spec.run.training.seed
            previews = self._sampler.forecasts(
                trial.predictor, trial.sharpeners, seed=seed, members=spec.members
            )
            samples = {name: b64encode(p.to_bytes()).decode() for name, p in previews.items()}
            sample = samples.pop(NO_SHARPENER)
            done = TrialDone(
                spec.number,
                spec.attempt,
                0.5,
                100.0,
                "cpu",
                "float32",
                sample,
                samples,
                steps=trial.trainer.epochs_done * trial.trainer.steps_an_epoch,
                found=trial.found,
            )
            events.append(done)
        return events

    def cancel(self, number: int) -> None:
        raise AssertionError("nothing is pruned or stopped here")

    pause = kill = cancel

    def close(self) -> None:
        pass


MADE_ONCE = {
    "browser": "browser",
    "built": "packaging",
    "executor": "executor",
    "members_study": "members",
    "places": "guards",
    "whole": "report",
}
"""Fixtures that take seconds, and the group of the tests that use each: one process makes it."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a group, and those that share a slow fixture, in one process.

    pytest-xdist 3.8 writes the group into a name that pytest 9.2 no longer reads: without this
    every mark ``xdist_group`` is passed over in silence (pytest-xdist, issue 1386).
    """
    if not config.getoption("loadgroup", False):
        return
    for item in items:
        used = getattr(item, "fixturenames", ())
        # The first of several: every process must choose the same.
        shared = next((group for name, group in MADE_ONCE.items() if name in used), None)
        if shared is not None:
            item.add_marker(pytest.mark.xdist_group(shared))
        mark = item.get_closest_marker("xdist_group")
        if mark is not None and not item.nodeid.endswith(f"@{mark.args[0]}"):
            item._id = type(item.id).parse(f"{item.nodeid}@{mark.args[0]}")


def pytest_collection_finish() -> None:
    """Leave modules and tests out of the search for garbage, which else takes most of a second."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _quiet_and_single_threaded() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium a test process; open pages with ``tests.browser.visit``."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``plumes.nc`` (24 x 24, 150 hourly frames) and ``tiny.yaml``."""
    folder = tmp_path_factory.mktemp("tiny")
    settings = PlumeSettings(frames=150, size=24, seed=1)
    simulate(settings).to_netcdf(folder / "plumes.nc", engine="h5netcdf")
    (folder / "tiny.yaml").write_text(TINY_SWEEP, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def plume_file(tiny_folder: Path) -> Path:
    return tiny_folder / "plumes.nc"


@pytest.fixture(scope="session")
def tiny_yaml(tiny_folder: Path) -> Path:
    return tiny_folder / "tiny.yaml"


@pytest.fixture(scope="session")
def tiny_config(tiny_yaml: Path) -> SweepConfig:
    return load_config(tiny_yaml).config


@pytest.fixture(scope="session")
def tiny_data(tiny_config: SweepConfig) -> ForecastData:
    return load_forecast_data(tiny_config.data)


@pytest.fixture(scope="session")
def tiny_facts(tiny_config: SweepConfig) -> DataSummary:
    return run_preflight(tiny_config).facts


@pytest.fixture
def storage_url(tmp_path: Path) -> str:
    """Address of a database that is not there yet."""
    return f"sqlite:///{tmp_path / 'x.db'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this test process; mark what uses it ``cluster``."""
    try:
        with postgres.running_server() as server:
            yield server
    except postgres.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def postgres_url(postgres_server: postgres.Server, tmp_path: Path) -> str:
    """Address of a new database on that server, its files in the folder of the test."""
    return f"{postgres_server.address(postgres_server.make_database())}?files={tmp_path}/files"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.cluster)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Address of a database that holds nothing yet: of every kind there is, one after another."""
    fixture = "storage_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture(scope="session")
def finished_url(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_config: SweepConfig,
    tiny_data: ForecastData,
    tiny_facts: DataSummary,
) -> str:
    """Address of a database with the study ``tiny``, 8 really trained trials; not to be changed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('finished') / 'x.db'}"
    study = open_or_create_study(open_database(url, "write"), tiny_config, tiny_facts)
    targets = tiny_facts.targets
    files = StudyWorkspace(url, study_identity(study))
    files.make()
    files.save_observed(PreviewBuilder(tiny_data, "validation").observed())
    Coordinator(
        StudyRepository(study, tiny_config, url, tiny_facts),
        InlineExecutor(tiny_data),
        tiny_facts,
        SilentProgress("tiny", targets, tiny_facts.units),
        files,
    ).run()
    return url
