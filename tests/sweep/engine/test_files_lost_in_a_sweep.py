"""Database, log or lock are removed in a sweep: it is said, and nothing finished is lost."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fieldsharp.core.errors import DatabaseDamaged, FieldsharpError, StoppedOnRequest
from fieldsharp.storage.location import paths
from fieldsharp.storage.location.paths import newest_backup
from fieldsharp.storage.maintenance.restore import restore
from fieldsharp.storage.stop_request import leave_request
from fieldsharp.storage.study_lock import StudyLock, study_lock_owner
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.files.spooled_result import SpooledResult
from fieldsharp.sweep.study.trial_events import TrialDone
from tests.storage.databases import file_of
from tests.sweep.fake_sweep import TARGETS, FakeExecutor, MakeSweep, Sweep


class Died(BaseException):
    """In place of SIGKILL: nobody catches it, and the database is not written any more."""


@pytest.fixture
def storage_path(storage_url: str) -> Path:
    return file_of(storage_url)


def _locked(sweep: Sweep, executor: FakeExecutor, lock: StudyLock) -> Coordinator:
    progress = SilentProgress("tiny", TARGETS, "K")
    return Coordinator(
        sweep.repository, executor, sweep.facts, progress, sweep.files, sweep.clock, lock
    )


def _at_poll(sweep: Sweep, number: int, act: Callable[[], object]) -> Callable[[int], None]:
    """Return what does something at one poll; every poll takes a second."""

    def on_poll(poll: int) -> None:
        sweep.clock.now += 1.0
        if poll == number:
            act()

    return on_poll


def _resumed(make_sweep: MakeSweep, trials: int) -> tuple[Sweep, list[int]]:
    """Go on with the sweep, and return it with the trials that were trained again."""
    heir = make_sweep(trials=trials)
    executor = FakeExecutor()
    heir.run(executor)
    return heir, [spec.number for spec in executor.submitted]


def test_a_result_waits_in_the_spool_while_a_reader_keeps_it_in_the_log(
    make_sweep: MakeSweep, storage_path: Path
) -> None:
    sweep = make_sweep(trials=2)
    spool = sweep.files.folder / "spool"
    kept: list[int] = []
    with closing(sqlite3.connect(storage_path, isolation_level=None)) as reader:

        def read() -> None:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM studies").fetchone()

        def look(poll: int) -> None:
            sweep.clock.now += 1.0
            kept.append(len(list(spool.glob("*.json"))))
            if poll == 1:
                read()
            if sweep.states.count("COMPLETE") == 1 and kept[-1]:
                reader.execute("ROLLBACK") if reader.in_transaction else None

        executor = FakeExecutor()
        executor.on_poll = look
        sweep.run(executor)
    assert 1 in kept, "the result was told, and kept all the same"
    assert len(list(spool.glob("*.json"))) == 0


def test_no_finished_trial_is_trained_again_after_the_log_and_the_coordinator_are_gone(
    make_sweep: MakeSweep, storage_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep(trials=4)
    executor = FakeExecutor()

    def lose_all() -> None:
        subprocess.run(["cp", storage_path, storage_path.with_name("kept")], check=True)
        raise Died

    executor.on_poll = _at_poll(sweep, 6, lose_all)
    coordinator = sweep.coordinator(executor)
    monkeypatch.setattr(coordinator, "_put_everything_back", lambda: None)
    with pytest.raises(Died):
        coordinator.run()
    finished = {trial.number for trial in sweep.trials if trial.state.is_finished()}
    assert len(finished) >= 2
    sweep.repository.study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
    for suffix in ("", "-wal", "-shm"):
        storage_path.with_name(storage_path.name + suffix).unlink(missing_ok=True)
    storage_path.with_name("kept").rename(storage_path)
    heir, trained = _resumed(make_sweep, 4)
    assert heir.states == ["COMPLETE"] * 4
    assert finished.isdisjoint(trained)


def test_a_log_that_is_removed_ends_nothing(
    make_sweep: MakeSweep, storage_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = make_sweep(trials=4)
    executor = FakeExecutor()
    log = storage_path.with_name(storage_path.name + "-wal")
    executor.on_poll = _at_poll(sweep, 5, log.unlink)
    sweep.run(executor)
    assert sweep.states == ["COMPLETE"] * 4
    assert [spec.number for spec in executor.submitted] == [0, 1, 2, 3]
    assert sum("was removed while it was in use" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_a_database_that_is_lost_is_said_at_once_and_put_back_without_loss(
    make_sweep: MakeSweep, storage_path: Path, storage_url: str, how: str
) -> None:
    sweep = make_sweep(trials=4)

    def lose() -> None:
        if how == "removed":
            storage_path.unlink()
        else:
            storage_path.rename(storage_path.with_name("elsewhere"))
        if how == "replaced":
            shutil.copy(storage_path.with_name("elsewhere"), storage_path)

    executor = FakeExecutor()
    executor.on_poll = _at_poll(sweep, 6, lose)
    with pytest.raises(DatabaseDamaged, match=r"while it was in use, and all") as caught:
        sweep.run(executor)
    assert f"restore {newest_backup(storage_url)}" in str(caught.value)
    assert executor.polls <= 8
    finished = {trial.number for trial in sweep.trials if trial.state.is_finished()}
    assert finished
    sweep.repository.study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
    restore(storage_url)
    heir, trained = _resumed(make_sweep, 4)
    assert heir.states == ["COMPLETE"] * 4
    assert finished.isdisjoint(trained)


def test_a_lock_that_is_removed_ends_the_sweep_with_everything_put_back(
    make_sweep: MakeSweep, storage_url: str
) -> None:
    sweep = make_sweep(trials=4)
    executor = FakeExecutor(slots=2)
    with StudyLock(storage_url, "tiny") as lock:
        lock.take_in_database()
        executor.on_poll = _at_poll(
            sweep, 3, lambda: shutil.rmtree(paths.files_folder(storage_url))
        )
        with pytest.raises(FieldsharpError, match=r"the lock .* was removed .*; go on with python"):
            _locked(sweep, executor, lock).run()
        assert executor.polls <= 5
        assert "RUNNING" not in sweep.states
    heir, _ = _resumed(make_sweep, 4)
    assert heir.states == ["COMPLETE"] * 4


@pytest.mark.parametrize("at_once", [False, True])
def test_a_request_to_stop_that_was_left_is_taken_up(
    make_sweep: MakeSweep, storage_url: str, at_once: bool
) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor(deaf=frozenset(range(9)) if at_once else frozenset())

    def ask() -> None:
        path = paths.stop_request(storage_url, "tiny")
        leave_request(path, study_lock_owner(storage_url, "tiny"), at_once=at_once)

    with StudyLock(storage_url, "tiny") as lock:
        executor.on_poll = _at_poll(sweep, 4, ask)
        with pytest.raises(StoppedOnRequest):
            _locked(sweep, executor, lock).run()
    assert executor.polls <= 8
    assert "RUNNING" not in sweep.states


def test_a_result_of_another_trial_is_removed_before_the_number_is_trained(
    make_sweep: MakeSweep, storage_path: Path
) -> None:
    """A database that was put back lacks the trial: its number is another trial's from now on."""
    sweep = make_sweep(trials=2)
    sweep.repository.prepare()
    stale = SpooledResult("of another", TrialDone(1, 1, 2.0, 100.0, "cpu", "float32"), [])
    sweep.files.spool_result(stale)
    left: list[int] = []
    with closing(sqlite3.connect(storage_path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM studies").fetchone()
        executor = FakeExecutor()
        executor.on_poll = lambda _poll: left.append(len(sweep.files.results()))
        sweep.run(executor)
        assert left[0] == 0
        assert sweep.states == ["COMPLETE"] * 2
