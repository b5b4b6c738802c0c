"""The lock on a study on a PostgreSQL server: restarts, lost connections, takeovers."""

import os
import platform
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.study import Study

from fieldsharp.core.errors import FieldsharpError, StorageError, StorageUnavailable, StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.database_locks import no_active_study
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.lock_owner import process_identity
from fieldsharp.storage.maintenance.upgrade import upgrade
from fieldsharp.storage.optuna_adapter.transaction import one_transaction
from fieldsharp.storage.postgres import study_lock
from fieldsharp.storage.study_lock import (
    StudyLock,
    is_asked_to_stop,
    require_not_running,
    study_lock_owner,
)
from fieldsharp.sweep.study import stop
from fieldsharp.sweep.study.stop import stop_study
from tests.postgres import Server, database_of
from tests.storage.databases import HOLD, child, say

pytestmark = pytest.mark.cluster
LIMIT_S = 20.0


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_lock, "CHECK_EVERY_S", 0.2)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_held(url: str) -> bool:
    try:
        return study_lock_owner(url, "s").alive
    except StorageUnavailable:
        return False


def _end_lock_connections(server: Server, url: str) -> None:
    """End the connections that hold locks, as a server does that is told to, or loses its net."""
    ended = server.say(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE 'fieldsharp lock %' AND datname = current_database()",
        database_of(url),
    )
    assert ended == "t"


def _study(url: str, lock: StudyLock | None) -> Study:
    storage = open_database(url, "write", sole_writer=True, lock=lock)
    return optuna.create_study(study_name="s", storage=storage, load_if_exists=True)


def _write(study: Study, url: str) -> None:
    with database_errors(url), one_transaction(study):
        study.tell(study.ask(), 1.0)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_holder_has_its_lock_back_after_the_server_was_started_again(
    postgres_server: Server, postgres_url: str, how: str
) -> None:
    with StudyLock(postgres_url, "s") as lock:
        study = _study(postgres_url, lock)
        _write(study, postgres_url)
        postgres_server.stop(how)
        with pytest.raises(StorageUnavailable, match="cannot be used at the moment"):
            _write(study, postgres_url)
        postgres_server.start()
        _wait(lambda: _is_held(postgres_url))
        _write(study, postgres_url)
        with pytest.raises(StudyError, match="'s' is being run by process"):
            require_not_running(postgres_url, "s")
    assert len(_study(postgres_url, None).get_trials()) == 2
    assert not study_lock_owner(postgres_url, "s").died


def test_after_a_start_of_the_server_a_newcomer_leaves_time_to_a_holder_that_lives(
    postgres_server: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_lock, "CHECK_EVERY_S", 2.0)
    with StudyLock(postgres_url, "s"):
        postgres_server.stop()
        postgres_server.start()
        assert not _is_held(postgres_url), "it has yet to notice"
        with pytest.raises(StudyError, match="is being run by"), StudyLock(postgres_url, "s"):
            pass


def test_a_holder_whose_connection_was_ended_has_its_lock_back(
    postgres_server: Server, postgres_url: str
) -> None:
    with StudyLock(postgres_url, "s"):
        _end_lock_connections(postgres_server, postgres_url)
        _wait(lambda: not _is_held(postgres_url))
        _wait(lambda: _is_held(postgres_url))


def test_a_connection_the_server_wrongly_takes_for_alive_does_not_keep_its_own_holder_out(
    postgres_server: Server, postgres_url: str
) -> None:
    with StudyLock(postgres_url, "s") as lock:
        inner = lock._lock
        assert isinstance(inner, study_lock.PostgresStudyLock)
        orphan, inner._connection = inner._connection, None
        _wait(lambda: inner._connection is not None)
        assert _is_held(postgres_url)
        assert orphan is not None
        orphan.invalidate()


def test_whoever_lost_a_study_to_another_writes_nothing_more(
    postgres_server: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_lock, "CHECK_EVERY_S", 1000.0)
    with StudyLock(postgres_url, "s") as lock:
        study = _study(postgres_url, lock)
        _end_lock_connections(postgres_server, postgres_url)
        with child(HOLD, postgres_url, "s") as newcomer:
            assert say(newcomer) == "held"
            with pytest.raises(
                StudyError, match=rf"'s' was taken over by process {newcomer.pid} while .*resume"
            ):
                _write(study, postgres_url)
            assert study_lock_owner(postgres_url, "s").pid == newcomer.pid
    assert _study(postgres_url, None).get_trials() == []


def test_whoever_comes_back_too_late_notices_by_itself(
    postgres_server: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_lock, "CHECK_EVERY_S", 8.0)
    with StudyLock(postgres_url, "s") as lock:
        _end_lock_connections(postgres_server, postgres_url)
        with child(HOLD, postgres_url, "s") as newcomer:
            assert say(newcomer) == "held"
            inner = lock._lock
            assert isinstance(inner, study_lock.PostgresStudyLock)
            _wait(lambda: inner._lost is not None)
            assert study_lock_owner(postgres_url, "s").pid == newcomer.pid


def test_a_transaction_that_has_begun_ends_before_the_study_changes_hands(
    postgres_server: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_lock, "CHECK_EVERY_S", 1000.0)
    order: list[str] = []
    begun = threading.Event()

    def take() -> None:
        begun.wait()
        with StudyLock(postgres_url, "s"):
            order.append("taken")

    with StudyLock(postgres_url, "s") as lock, ThreadPoolExecutor(1) as pool:
        study = _study(postgres_url, lock)
        taken = pool.submit(take)
        with one_transaction(study):
            _end_lock_connections(postgres_server, postgres_url)
            begun.set()
            time.sleep(1.0)
            study.tell(study.ask(), 1.0)
            order.append("told")
        taken.result(LIMIT_S)
    assert order == ["told", "taken"]
    assert len(_study(postgres_url, None).get_trials()) == 1


def test_a_study_of_which_no_row_is_left_is_written_by_nobody(
    postgres_server: Server, postgres_url: str
) -> None:
    with StudyLock(postgres_url, "s") as lock:
        study = _study(postgres_url, lock)
        postgres_server.say("DELETE FROM fieldsharp_coordinators", database_of(postgres_url))
        with pytest.raises(StudyError, match="was taken over while"):
            _write(study, postgres_url)


def test_nothing_is_upgraded_while_a_study_is_run_nor_run_while_it_is_upgraded(
    postgres_url: str,
) -> None:
    with child(HOLD, postgres_url, "s") as holder:
        assert say(holder) == "held"
        _study(postgres_url, None)
        with pytest.raises(
            StudyError, match=rf"cannot upgrade .*ann:\*\*\*@.* by process {holder.pid}; stop"
        ):
            upgrade(postgres_url)
    with (
        no_active_study(postgres_url, "upgrade"),
        pytest.raises(StorageError, match="is being upgraded by another process; wait"),
        StudyLock(postgres_url, "s"),
    ):
        pass
    done = upgrade(postgres_url)
    assert done.former == done.current


def test_a_machine_or_folder_without_the_checkpoints_is_told_where_they_are(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with StudyLock(postgres_url, "s"), StudyLock(postgres_url, "another"):
        pass
    with StudyLock(postgres_url, "s"):
        assert caplog.messages == []
    with StudyLock(f"{postgres_url}-elsewhere", "s"):
        pass
    (said,) = caplog.messages
    assert "the files of study 's', its checkpoints among them, lie in" in said


def test_a_folder_that_both_machines_see_is_no_reason_to_warn(
    postgres_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "files" / "abcdef12" / "trials").mkdir(parents=True)
    with StudyLock(postgres_url, "s"):
        pass
    monkeypatch.setattr(platform, "node", lambda: "another")
    with StudyLock(postgres_url, "s"):
        pass
    assert caplog.messages == []


@pytest.mark.parametrize(("at_once", "urgency"), [(False, 1), (True, 2)])
def test_a_holder_in_another_container_is_asked_through_the_database(
    postgres_url: str, at_once: bool, urgency: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "send_signal", lambda *_: False)
    asked: list[int] = []
    with StudyLock(postgres_url, "another") as other, ThreadPoolExecutor(1) as pool:
        lock = StudyLock(postgres_url, "s")
        lock.__enter__()

        def coordinate() -> None:
            while not asked:
                asked.extend(filter(None, [lock.stop_requested()]))
                time.sleep(0.02)
            lock.__exit__(None, None, None)

        work = pool.submit(coordinate)
        said = stop_study(postgres_url, "s", at_once=at_once)
        work.result(LIMIT_S)
        assert other.stop_requested() == 0
    assert said.was_run
    assert asked == [urgency]


def test_a_request_that_nobody_answers_is_withdrawn(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "send_signal", lambda *_: False)
    monkeypatch.setattr(stop, "ANSWER_S", 0.5)
    monkeypatch.setattr(study_lock, "CHECK_EVERY_S", 60.0)
    with StudyLock(postgres_url, "s"):
        with pytest.raises(FieldsharpError, match="did not answer the request to stop within"):
            stop_study(postgres_url, "s", at_once=False)
        assert not is_asked_to_stop(postgres_url, "s")


def test_a_table_of_an_earlier_version_is_read_and_brought_up_to_date(
    postgres_server: Server, postgres_url: str
) -> None:
    database = database_of(postgres_url)
    with StudyLock(postgres_url, "s"):
        pass
    postgres_server.say(
        "ALTER TABLE fieldsharp_coordinators DROP COLUMN identity, DROP COLUMN stop", database
    )
    assert not study_lock_owner(postgres_url, "s").alive
    with StudyLock(postgres_url, "s"):
        holder = study_lock_owner(postgres_url, "s")
        assert (holder.pid, holder.identity) == (os.getpid(), process_identity(os.getpid()))
