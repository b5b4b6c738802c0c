"""Commits are made durable, and no reader of a database frees its locks."""

import errno
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage

from fieldsharp.core.errors import DatabaseDamaged, StorageUnavailable
from fieldsharp.storage.database import check_storage, open_database
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.storage.maintenance.inspect import inspect
from fieldsharp.storage.maintenance.restore import restore
from fieldsharp.storage.maintenance.write_ahead_log import WriteAheadLog
from fieldsharp.storage.sqlite.checks import require_sound
from tests.storage.databases import child, is_sound, said_by, say, url_of, with_study

# The last to close a database moves the log into it and deletes it, unless it sees others' locks.
OPEN_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM studies").fetchall()
connection.close()
"""
READ_ONE_STATE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM studies").fetchone()
print("reads", flush=True)
sys.stdin.readline()
"""
ANOTHER_WRITER = """
import sys, optuna
from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.write_ahead_log import WriteAheadLog
storage = open_database(sys.argv[1], "write")
study = optuna.load_study(study_name="s", storage=storage)
files = WriteAheadLog(sys.argv[1], storage)
print("open", flush=True)
sys.stdin.readline()
files.check()
study.set_user_attr("b", 1)
print("written", flush=True)
"""
READ_FOR_A_WHILE = """
import os, sys, time, optuna
from fieldsharp.storage.database import open_database
from fieldsharp.storage.errors.mapping import database_errors
optuna.logging.set_verbosity(optuna.logging.WARNING)
url, writes, end = sys.argv[1], sys.argv[2] == "write", time.monotonic() + float(sys.argv[3])
done = 0
while time.monotonic() < end:
    with database_errors(url):
        storage = open_database(url, "write" if writes else "read")
        study = optuna.load_study(study_name="s", storage=storage)
        for _ in range(5):
            if writes:
                study.tell(study.ask(), 1.0)
            study.get_trials()
            done += 1
        storage.scoped_session.remove()
        storage.engine.dispose()
print(done)
"""


def _writing(path: Path) -> tuple[optuna.Study, RDBStorage]:
    """Open the study of a database and write to it."""
    storage = open_database(url_of(path), "write")
    study = optuna.load_study(study_name="s", storage=storage)
    study.set_user_attr("a", 1)
    return study, storage


def _copy(path: Path, copy: Path) -> Path:
    # By another process: to close the file here would free SQLite's locks on it.
    subprocess.run(["cp", path, copy], check=True)
    return copy


def _without_its_log(path: Path, copy: Path) -> dict[str, Any]:
    """Return the attributes of the study as the database file alone has them."""
    attributes = optuna.load_study(study_name="s", storage=url_of(_copy(path, copy))).user_attrs
    return dict(attributes)


def test_what_is_made_durable_is_in_the_database_file_and_synchronised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_study(tmp_path / "x.db")
    _, storage = _writing(path)
    synchronised: list[Path] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        synchronised.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    assert "a" not in _without_its_log(path, tmp_path / "before.db")
    monkeypatch.setattr(os, "fsync", fsync)
    assert WriteAheadLog(url_of(path), storage).checkpoint()
    assert synchronised == [path]
    assert _without_its_log(path, tmp_path / "after.db")["a"] == 1


def test_what_a_reader_keeps_in_the_log_is_not_called_durable(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    study, storage = _writing(path)
    with child(READ_ONE_STATE, path) as reader:
        assert say(reader) == "reads"
        study.set_user_attr("a", 2)
        assert not WriteAheadLog(url_of(path), storage).checkpoint()
        # The file alone is whole all the while, if older.
        assert "a" not in _without_its_log(path, tmp_path / "meanwhile.db")
        assert is_sound(tmp_path / "meanwhile.db")
        reader.communicate("\n")
    assert WriteAheadLog(url_of(path), storage).checkpoint()
    assert _without_its_log(path, tmp_path / "after.db")["a"] == 2


CHECKPOINTING = """
import fcntl, os, struct, sys
index = os.open(sys.argv[1] + "-shm", os.O_RDWR)
fcntl.fcntl(index, fcntl.F_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 121, 1, 0))
print("checkpoints", flush=True)
sys.stdin.readline()
"""


def test_a_checkpoint_that_another_process_kept_from_being_made_is_none(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    _, storage = _writing(path)
    files = WriteAheadLog(url_of(path), storage)
    with child(CHECKPOINTING, path) as other:
        assert say(other) == "checkpoints"
        assert not files.checkpoint()
        assert "a" not in _without_its_log(path, tmp_path / "meanwhile.db")
        other.communicate("\n")
    assert files.checkpoint()


def test_a_reader_of_an_older_state_is_waited_for_although_the_index_was_removed(
    tmp_path: Path,
) -> None:
    path = with_study(tmp_path / "x.db")
    study, storage = _writing(path)
    files = WriteAheadLog(url_of(path), storage)
    with child(READ_ONE_STATE, path) as reader:
        assert say(reader) == "reads"
        study.set_user_attr("a", 2)
        _remove_log_and_index(path)
        files.check()
        assert not files.checkpoint()
        assert is_sound(_copy(path, tmp_path / "meanwhile.db"))
        reader.communicate("\n")
    files.check()
    assert _without_its_log(path, tmp_path / "after.db")["a"] == 2


@pytest.mark.parametrize("suffixes", [("-wal",), ("-wal", "-shm")])
def test_two_writers_go_on_after_their_log_was_lost(
    tmp_path: Path, suffixes: tuple[str, ...]
) -> None:
    path = with_study(tmp_path / "x.db")
    study, storage = _writing(path)
    files = WriteAheadLog(url_of(path), storage)
    with child(ANOTHER_WRITER, url_of(path)) as other:
        assert say(other) == "open"
        for suffix in suffixes:
            path.with_name(path.name + suffix).unlink()
        files.check()
        study.set_user_attr("a", 2)
        told, _ = other.communicate("\n")
    assert told == "written\n"
    attributes = optuna.load_study(study_name="s", storage=url_of(path)).user_attrs
    assert (attributes["a"], attributes["b"]) == (2, 1)
    assert is_sound(path)


def test_a_disk_that_does_not_synchronise_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_study(tmp_path / "x.db")
    _, storage = _writing(path)

    def fails(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StorageUnavailable, match="Input/output error"):
        WriteAheadLog(url_of(path), storage).checkpoint()


def test_a_database_on_a_server_is_durable_when_it_has_committed() -> None:
    assert WriteAheadLog("postgresql://ann@h/db", RDBStorage("sqlite://")).checkpoint()


def _remove_log_and_index(path: Path) -> None:
    for end in ("wal", "shm"):
        path.with_name(f"x.db-{end}").unlink()


def _remove_all(path: Path) -> None:
    for file in path.parent.glob("x.db*"):
        if file.is_file():
            file.unlink()


LOSSES: dict[str, Callable[[Path], object]] = {
    "log": lambda path: path.with_name("x.db-wal").unlink(),
    "index": lambda path: path.with_name("x.db-shm").unlink(),
    "both": _remove_log_and_index,
    "log moved": lambda path: path.with_name("x.db-wal").rename(path.with_name("elsewhere")),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_log_that_is_lost_is_copied_into_the_database_and_begun_anew(
    tmp_path: Path, loss: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    path = with_study(tmp_path / "x.db")
    study, storage = _writing(path)
    files = WriteAheadLog(url_of(path), storage)
    files.check()
    assert caplog.messages == []
    loss(path)
    files.check()
    assert _without_its_log(path, tmp_path / "after.db")["a"] == 1
    assert [message.partition(":")[0] for message in caplog.messages] == [
        f"the log {path}-wal was removed while it was in use"
    ]
    study.set_user_attr("a", 2)
    files.check()
    assert len(caplog.messages) == 1, "the new log is the one that is used"
    assert optuna.load_study(study_name="s", storage=url_of(path)).user_attrs["a"] == 2
    assert inspect(url_of(path)).problems == []


def _replace(path: Path) -> None:
    path.rename(path.with_name("former"))
    with_study(path, trials=1)


def _replace_log(path: Path) -> None:
    path.with_name("x.db-wal").unlink()
    path.with_name("x.db-wal").write_bytes(b"another")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "removed": (Path.unlink, "the database .*x.db was removed"),
    "all removed": (_remove_all, "the database .*x.db was removed"),
    "moved": (
        lambda path: path.rename(path.with_name("y.db")),
        "the database .*x.db was moved away",
    ),
    "replaced": (_replace, "another file was put in the place of the database .*x.db"),
    "log replaced": (_replace_log, "another log was put in the place of .*x.db-wal"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE)
def test_a_database_that_is_lost_while_in_use_is_saved_and_can_be_put_back(
    tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    path = with_study(tmp_path / "x.db")
    study, storage = _writing(path)
    files = WriteAheadLog(url_of(path), storage)
    damage(path)
    study.set_user_attr("a", 3)  # before anybody has looked
    for _ in range(2):
        backup = r".*x.000001.db"
        with pytest.raises(
            DatabaseDamaged, match=rf"{said} while .* backup {backup}; put .*restore {backup}"
        ):
            files.check()
    storage.engine.dispose()
    restore(url_of(path))
    restored = optuna.load_study(study_name="s", storage=url_of(path))
    assert restored.user_attrs["a"] == 3
    assert len(restored.trials) == 3


@pytest.mark.parametrize(
    "look",
    [
        inspect,
        back_up,
        lambda url: check_storage(url, "write"),
        lambda url: require_sound(url, "write"),
        lambda url: open_database(url, "read").engine.dispose(),
        lambda url: WriteAheadLog(url, open_database(url, "write")).check(),
    ],
    ids=["inspect", "back_up", "check", "require_sound", "open", "files"],
)
def test_looking_at_a_database_in_use_frees_none_of_its_locks(
    tmp_path: Path, look: Callable[[str], object]
) -> None:
    path = with_study(tmp_path / "x.db")
    study, _ = _writing(path)
    look(url_of(path))
    assert said_by(OPEN_AND_CLOSE, path) == ""
    assert path.with_name("x.db-wal").stat().st_size > 0, "the log was deleted under its writer"
    study.set_user_attr("a", 2)


@pytest.mark.outside
def test_eight_processes_beside_a_writer_never_meet_a_lock(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    seconds = 1.0
    said: list[str] = []
    modes = ["read"] * 5 + ["write"] * 3
    study = optuna.load_study(study_name="s", storage=open_database(url_of(path), "write"))
    threads = [
        threading.Thread(
            target=lambda mode=mode: said.append(
                said_by(READ_FOR_A_WHILE, url_of(path), mode, seconds)
            )
        )
        for mode in modes
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        study.tell(study.ask(), 1.0)
        back_up(url_of(path), keep=1)
    assert len(said) == len(modes)
    assert all(text.strip().isdecimal() for text in said), said
    assert inspect(url_of(path)).problems == []
    numbers = [trial.number for trial in study.get_trials()]
    assert numbers == list(range(len(numbers)))
