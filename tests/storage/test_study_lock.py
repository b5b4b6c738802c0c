"""The lock on a study, between processes."""

import errno
import os
import platform
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.storage.lock_owner import CONFIRM, LockOwner
from fieldsharp.storage.study_lock import StudyLock, study_lock_owner
from tests.storage.databases import HOLD, child, say


@contextmanager
def _holder(url: str, study: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends."""
    with child(HOLD, url, study) as process:
        assert say(process) == "held"
        yield process


def test_a_second_process_is_refused_with_the_pid_of_the_first(database_url: str) -> None:
    with _holder(database_url, "s") as holder:
        with (
            pytest.raises(StudyError, match=rf"'s' is being run by process {holder.pid};.*--study"),
            StudyLock(database_url, "s"),
        ):
            pass
        with StudyLock(database_url, "another"):
            pass


def test_the_lock_is_freed_when_its_holder_is_killed(database_url: str) -> None:
    with _holder(database_url, "s") as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
        with StudyLock(database_url, "s"):
            assert study_lock_owner(database_url, "s").pid == os.getpid()


def test_the_lock_is_freed_at_the_end_of_the_block_even_by_an_error(database_url: str) -> None:
    with pytest.raises(ZeroDivisionError), StudyLock(database_url, "s"):
        raise ZeroDivisionError
    with StudyLock(database_url, "s"), pytest.raises(StudyError), StudyLock(database_url, "s"):
        pass


def test_a_study_may_be_called_anything(storage_url: str, tmp_path: Path) -> None:
    with StudyLock(storage_url, "../über/" + "x" * 190):
        assert [path.name for path in tmp_path.iterdir()] == ["x.db.files"]
        assert [path.suffix for path in tmp_path.glob("*/*")] == [".lock"]


def test_a_database_that_is_no_file_is_locked_by_a_file_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "mysql://ann@h/db"
    with StudyLock(url, "s"), pytest.raises(StudyError), StudyLock(url, "s"):
        pass


def test_the_holder_is_told_from_one_that_died_and_one_that_ended_in_good_order(
    database_url: str,
) -> None:
    nobody = LockOwner(None, "", alive=False)
    assert study_lock_owner(database_url, "s") == nobody
    with _holder(database_url, "s") as process:
        assert study_lock_owner(database_url, "s") == LockOwner(
            process.pid, platform.node(), alive=True
        )
        process.kill()
        process.wait(10)
        died = study_lock_owner(database_url, "s")
        assert (died.pid, died.alive, died.died) == (process.pid, False, True)
    with StudyLock(database_url, "s"):
        pass
    assert not study_lock_owner(database_url, "s").died


def test_looking_at_a_lock_never_keeps_another_process_from_taking_it(database_url: str) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            study_lock_owner(database_url, "s")

    watchers = [threading.Thread(target=look) for _ in range(4)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(50):
            with StudyLock(database_url, "s"):
                pass
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()


def test_a_lock_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"cannot make the lock .*; the folder of the database"),
        StudyLock(f"sqlite:///{tmp_path}/nowhere/x.db", "s"),
    ):
        pass


def test_a_lock_that_cannot_be_written_is_one_sentence(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _content: bytes, _offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)  # a disk that is full to the last byte
    with pytest.raises(ConfigError, match=r"No space left on device\); its disk must have room"):
        StudyLock(storage_url, "tiny").__enter__()
    monkeypatch.undo()
    with StudyLock(storage_url, "tiny"):
        pass


def test_the_holder_says_how_its_work_is_gone_on_with(database_url: str) -> None:
    with StudyLock(database_url, "s", CONFIRM):
        assert study_lock_owner(database_url, "s").command == "confirm"
    with StudyLock(database_url, "s"):
        assert study_lock_owner(database_url, "s").command == "resume"
