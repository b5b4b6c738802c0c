"""The executor against a real cluster; needs Ray."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from fieldsharp.core.errors import ConfigError, FieldsharpError
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
from fieldsharp.storage.trial_files.checkpoints import epochs_done
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.factory import executor_plan
from fieldsharp.sweep.study.trial_events import (
    End,
    EpochDone,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.ray_nodes import NO_RAY, Nodes, ray_is_there, ray_nodes
from tests.ray_sweep import trial_workers

if TYPE_CHECKING:
    from fieldsharp.sweep.execution.ray.executor import RayExecutor

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not ray_is_there(), reason=NO_RAY),
    # Ray leaves sockets and files to the end of the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
]
LIMIT_S = 60.0
BuiltReport = Callable[..., "RayExecutor"]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes, of which the second says that its NumPy is another."""
    odd = tmp_path_factory.mktemp("odd")
    about = odd / "numpy-0.1.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    with ray_nodes(1, 2, path=str(odd)) as started:
        yield started


@pytest.fixture(scope="module")
def variables(nodes: Nodes) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in nodes.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def config(tiny_config: SweepConfig, tmp_path: Path) -> SweepConfig:
    data = tmp_path / "plumes.nc"
    shutil.copy(str(tiny_config.data.path), data)
    tree = tiny_config.model_dump()
    tree["data"]["path"] = str(data)
    tree["executor"] = "ray"
    return SweepConfig.model_validate(tree)


@pytest.fixture
def made(nodes: Nodes, variables: None, tmp_path: Path) -> Iterator[BuiltReport]:
    """Make an executor that is closed at the end."""
    open_ones: list[RayExecutor] = []

    def make(
        config: SweepConfig,
        workers: int = 1,
        folder: Path | None = None,
        mirror: str | None = None,
        cpus: float = 1.0,
    ) -> "RayExecutor":
        from fieldsharp.sweep.execution.ray.connection import connect_to_cluster
        from fieldsharp.sweep.execution.ray.executor import RayExecutor
        from fieldsharp.sweep.execution.ray.resources import WorkerResources
        from fieldsharp.sweep.execution.ray.transfer import worker_environment

        with worker_environment(config) as environment:
            connect_to_cluster("auto", environment)
        folder = folder or _made(tmp_path / "x.db.files" / "abcdef12")
        kept = CheckpointSync(mirror) if mirror else None
        open_ones.append(RayExecutor(config, WorkerResources(workers, cpus, 0.0), folder, kept))
        return open_ones[-1]

    yield make
    for executor in open_ones:
        executor.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _spec(config: SweepConfig, number: int = 0, epochs: int = 2) -> TrialSpec:
    run = config.run_with({"training.epochs": epochs})
    return TrialSpec(number=number, run=run, data_sha256=DataFiles.of(config.data.path).sha256())


def _until_ready(executor: "RayExecutor", slots: int = 1) -> None:
    deadline = time.monotonic() + LIMIT_S
    while executor.free_slots < slots:
        assert time.monotonic() < deadline
        assert executor.poll(0.2) == []


def _until(
    executor: "RayExecutor", stop: Callable[[TrialEvent], bool] = lambda e: isinstance(e, End)
) -> list[TrialEvent]:
    deadline = time.monotonic() + LIMIT_S
    events: list[TrialEvent] = []
    while not any(map(stop, events)):
        assert time.monotonic() < deadline, events
        events += executor.poll(0.2)
    return events


def _pids(nodes: Nodes) -> list[int]:
    return [pid for node in nodes.nodes for pid in trial_workers(node)]


@contextmanager
def _gone_for_a_while(path: Path) -> Iterator[None]:
    away = path.with_suffix(".away")
    path.rename(away)
    yield
    away.rename(path)


@pytest.mark.usefixtures("variables")
def test_the_plan_counts_the_workers_that_fit_on_the_cluster(
    config: SweepConfig, tmp_path: Path
) -> None:
    from fieldsharp.sweep.execution.ray.resources import make_resources

    plan = executor_plan(config)
    assert plan.workers == make_resources(config, [(1.0, 0.0), (2.0, 0.0)]).workers
    executor = plan.executor(_made(tmp_path / "x.db.files" / "abcdef12"))
    try:
        assert executor.free_slots == 0, "none is ready before its worker has loaded torch"
    finally:
        executor.close()


def test_a_trial_is_trained_on_a_node_and_told_in_order(
    made: BuiltReport, config: SweepConfig
) -> None:
    executor = made(config)
    _until_ready(executor)
    executor.submit(_spec(config))
    assert executor.free_slots == 0
    events = _until(executor)
    assert isinstance(events[0], TrialBegan)
    assert [e.report.epoch for e in events if isinstance(e, EpochDone)] == [0, 1]
    assert isinstance(events[-1], TrialDone)
    assert events[-1].device == "cpu"
    assert executor.free_slots == 1


def test_the_worker_is_kept_between_trials(
    made: BuiltReport, config: SweepConfig, nodes: Nodes
) -> None:
    executor = made(config)
    _until_ready(executor)
    before = _pids(nodes)
    for number in (1, 2):
        executor.submit(_spec(config, number))
        assert isinstance(_until(executor)[-1], TrialDone)
    assert _pids(nodes) == before


def test_a_node_of_other_versions_is_left_out(
    made: BuiltReport, config: SweepConfig, caplog: pytest.LogCaptureFixture
) -> None:
    executor = made(config, workers=2)
    _until_ready(executor)
    deadline = time.monotonic() + LIMIT_S
    while "no trial is run there" not in caplog.text:
        assert time.monotonic() < deadline
        executor.poll(0.2)
    assert "node 127.0.0.3 has numpy 0.1 and the sweep runs with" in caplog.text
    executor.submit(_spec(config))
    assert isinstance(_until(executor)[-1], TrialDone)


def test_workers_that_find_no_room_are_told_of(
    made: BuiltReport,
    config: SweepConfig,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fieldsharp.sweep.execution.ray.executor.WARN_WAITING_AFTER_S", 0.5)
    executor = made(config, workers=4)
    _until_ready(executor)
    deadline = time.monotonic() + LIMIT_S
    while "has no room for" not in caplog.text:
        assert time.monotonic() < deadline
        executor.poll(0.2)
    executor.submit(_spec(config))
    assert isinstance(_until(executor)[-1], TrialDone)


def test_nodes_that_do_not_see_the_files_are_of_no_use(
    made: BuiltReport, config: SweepConfig, tmp_path: Path
) -> None:
    executor = made(config, folder=tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="put the database into a folder that every node sees"):
        _until(executor)


def test_nodes_that_are_too_small_keep_no_sweep_waiting_for_them(
    made: BuiltReport, config: SweepConfig, caplog: pytest.LogCaptureFixture
) -> None:
    """The one node that is large enough has other versions."""
    executor = made(config, cpus=2.0)
    with pytest.raises(ConfigError, match=r"no node of the Ray cluster can run trials: 127"):
        _until(executor)


def test_data_is_sent_to_a_node_that_does_not_have_it(
    made: BuiltReport, config: SweepConfig
) -> None:
    spec = _spec(config)
    with _gone_for_a_while(Path(str(config.data.path))):
        executor = made(config)
        _until_ready(executor)
    executor.submit(spec)
    with _gone_for_a_while(Path(str(config.data.path))):
        assert isinstance(_until(executor)[-1], TrialDone)
        executor.submit(spec.model_copy(update={"number": 1}))  # with what was sent before
        assert isinstance(_until(executor)[-1], TrialDone)


def test_a_worker_that_cannot_begin_says_so_at_once(
    made: BuiltReport, config: SweepConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fieldsharp.sweep.execution.ray.executor.pack_data", lambda _path: b"no archive"
    )
    spec = _spec(config, 5)
    with _gone_for_a_while(Path(str(config.data.path))):
        executor = made(config)
        _until_ready(executor)
        executor.submit(spec)
    (failed,) = _until(executor)
    assert isinstance(failed, TrialFailed)
    assert "on node 127.0.0.2 could not begin (" in failed.reason
    assert executor.free_slots == 1


def test_checkpoints_cannot_travel_through_a_place_that_nodes_do_not_see(
    made: BuiltReport, config: SweepConfig
) -> None:
    address = f"memory://{uuid4().hex}"
    ray = config.ray.model_copy(update={"checkpoints": address})
    executor = made(config.model_copy(update={"ray": ray}), mirror=address)
    with pytest.raises(ConfigError, match="does not see what is written to"):
        _until(executor)


def test_a_node_that_would_need_data_that_is_too_large_is_of_no_use(
    made: BuiltReport, config: SweepConfig
) -> None:
    tree = config.model_dump()
    tree["ray"]["send_data_mb"] = 0
    executor = made(SweepConfig.model_validate(tree))
    with (
        _gone_for_a_while(Path(str(config.data.path))),  # before a worker looks
        pytest.raises(ConfigError, match="does not have the data"),
    ):
        _until(executor)


def test_a_trial_whose_worker_dies_is_told_and_goes_on_from_its_checkpoint(
    made: BuiltReport, config: SweepConfig, nodes: Nodes, tmp_path: Path
) -> None:
    executor = made(config)
    checkpoints = tmp_path / "x.db.files" / "abcdef12" / "trials" / "000003"
    _until_ready(executor)
    spec = _spec(config, 3, epochs=40)
    executor.submit(spec, checkpoints)
    _until(executor, lambda event: isinstance(event, EpochDone) and event.report.epoch >= 2)
    for pid in _pids(nodes):
        os.kill(pid, signal.SIGKILL)
    (lost,) = (event for event in _until(executor) if isinstance(event, End))
    assert isinstance(lost, TrialFailed)
    assert lost.cause == "worker"
    assert lost.reason.startswith("its worker on node 127.0.0.2 died (it crashed or was killed")
    _until_ready(executor)
    executor.submit(spec.model_copy(update={"attempt": 2}), checkpoints)
    (began,) = (e for e in _until(executor) if isinstance(e, TrialBegan))
    assert began.attempt == 2
    assert began.epochs_done >= 3


def test_a_trial_is_ended_at_once_or_after_its_epoch_or_without_a_word(
    made: BuiltReport, config: SweepConfig
) -> None:
    executor = made(config)
    for number, end in enumerate((executor.cancel, executor.pause)):
        _until_ready(executor)
        executor.submit(_spec(config, number, epochs=200))
        _until(executor, lambda event: isinstance(event, EpochDone))
        end(number)
        assert isinstance(_until(executor)[-1], TrialCancelled)
    executor.submit(_spec(config, 7, epochs=200))
    _until(executor, lambda event: isinstance(event, EpochDone))
    executor.kill(7)
    _until_ready(executor)


def test_checkpoints_travel_through_a_mirror(
    made: BuiltReport, config: SweepConfig, nodes: Nodes, tmp_path: Path
) -> None:
    """No node sees the study's files: what is there came through the mirror."""
    far = tmp_path / "far"
    tree = config.model_dump()
    tree["ray"]["checkpoints"] = f"file://{far}"
    mirrored = SweepConfig.model_validate(tree)
    folder = tmp_path / "unseen.files" / "abcdef12"
    checkpoints = folder / "trials" / "000003"
    executor = made(mirrored, folder=folder, mirror=f"file://{far}")
    _until_ready(executor)
    spec = _spec(mirrored, 3, epochs=40)
    executor.submit(spec, checkpoints)
    _until(executor, lambda event: isinstance(event, EpochDone) and event.report.epoch >= 2)
    assert not checkpoints.exists()
    for pid in _pids(nodes):
        os.kill(pid, signal.SIGKILL)
    _until(executor)
    assert epochs_done(checkpoints) >= 3
    _until_ready(executor)
    executor.submit(spec.model_copy(update={"attempt": 2}), checkpoints)
    events = _until(executor)
    assert isinstance(events[-1], TrialDone)
    (began,) = (e for e in events if isinstance(e, TrialBegan))
    assert began.epochs_done >= 3
    assert epochs_done(checkpoints) == 40
    assert [path for path in far.rglob("epoch-*") if path.is_file()] == []


def test_a_cluster_on_which_nothing_starts_is_given_up(
    nodes: Nodes, variables: None, config: SweepConfig, tmp_path: Path
) -> None:
    from fieldsharp.sweep.execution.ray.connection import connect_to_cluster
    from fieldsharp.sweep.execution.ray.executor import RayExecutor
    from fieldsharp.sweep.execution.ray.resources import WorkerResources

    broken = tmp_path / "code" / "sweep"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    connect_to_cluster("auto", {"working_dir": str(broken.parent)})
    executor = RayExecutor(config, WorkerResources(1, 1.0, 0.0), tmp_path)
    try:
        with pytest.raises(FieldsharpError, match="5 workers in a row did not start on the Ray"):
            _until(executor)
    finally:
        executor.close()
