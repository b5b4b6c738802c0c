"""Restores: the former database is moved aside, and its log never reaches the restored one."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from fieldsharp.core.errors import ConfigError, DatabaseDamaged, StorageUnavailable, StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.storage.maintenance.restore import restore
from tests.storage.databases import (
    HOLD,
    child,
    damage_table,
    fill,
    is_sound,
    mounted,
    said_by,
    say,
    trials_in,
    url_of,
    with_study,
)

KILL_AFTER_S = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08)
RESTORE = """
import sys
from fieldsharp.storage.maintenance.restore import restore
print("ready", flush=True)
restore(sys.argv[1])
"""
WRITE_AND_HANG = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
for number in range(50):
    connection.execute("INSERT INTO studies (study_name) VALUES (?)", (str(number),))
print("written", flush=True)
time.sleep(60)
"""


def _write_and_die(path: Path) -> None:
    with child(WRITE_AND_HANG, path) as writer:
        assert say(writer) == "written"
        writer.kill()
        writer.wait(10)
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


def test_the_newest_backup_is_put_back_and_the_former_database_kept(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    back_up(url_of(path))
    newest = back_up(url_of(path))
    damage_table(path, "trials")
    damaged = path.read_bytes()
    done = restore(url_of(path))
    assert (done.path, done.backup, done.aside) == (path, newest, tmp_path / "x.db.damaged-1")
    assert (is_sound(path), trials_in(path)) == (True, 3)
    assert (tmp_path / "x.db.damaged-1").read_bytes() == damaged
    assert newest.exists()
    open_database(url_of(path), "write")


def test_a_stale_log_is_not_replayed_over_what_is_put_back(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    back_up(url_of(path))
    _write_and_die(path)
    log = (tmp_path / "x.db-wal").read_bytes()
    trap = tmp_path / "trap.db"  # what copying the backup over the file by hand would do
    shutil.copy(tmp_path / "x.db.files" / "backups" / "x.000001.db", trap)
    (tmp_path / "trap.db-wal").write_bytes(log)
    assert not is_sound(trap)

    path.write_bytes(path.read_bytes()[:5000])
    restore(url_of(path))
    assert is_sound(path)
    assert optuna.get_all_study_names(open_database(url_of(path), "write")) == ["s"]
    assert (tmp_path / "x.db.damaged-1-wal").read_bytes() == log


def test_former_databases_are_numbered(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    back_up(url_of(path))
    (tmp_path / "x.db.damaged-1-wal").touch()
    assert [restore(url_of(path)).aside for _ in range(2)] == [
        *(tmp_path / "x.db.damaged-2", tmp_path / "x.db.damaged-3")
    ]


def test_a_database_that_is_gone_is_put_back(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    back_up(url_of(path))
    path.unlink()
    assert restore(url_of(path)).aside is None
    assert trials_in(path) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_could_open_the_former_database_can_open_this(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    path.chmod(0o640)
    back_up(url_of(path))
    restore(url_of(path))
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_study_that_is_run_keeps_a_database_from_being_replaced(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    back_up(url_of(path))
    before = path.read_bytes()
    with child(HOLD, url_of(path), "s") as holder:
        assert say(holder) == "held"
        with pytest.raises(StudyError) as caught:
            restore(url_of(path))
        assert str(caught.value) == (
            f"cannot restore sqlite:///{path} while a study in it is being run by process "
            f"{holder.pid}; stop that process or wait for it to end"
        )
    assert path.read_bytes() == before
    restore(url_of(path))  # the lock of a process that died counts for nothing


def test_a_damaged_backup_is_refused_with_another(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    older, newest = back_up(url_of(path)), back_up(url_of(path))
    damage_table(newest, "trials")
    before = path.read_bytes()
    with pytest.raises(DatabaseDamaged, match="is damaged") as caught:
        restore(url_of(path))
    assert str(caught.value).startswith(f"the backup {newest} is damaged (")
    assert str(caught.value).endswith(f"; name another, such as {older}")
    assert path.read_bytes() == before
    assert restore(url_of(path), older).backup == older


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b"text" * 99), "is damaged (file is not a database)"),
        (lambda path: path.touch(), "is no backup: it holds no studies; name another"),
        (lambda _path: None, "; name a file that exists"),
    ],
)
def test_what_is_no_backup_is_refused(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    path = with_study(tmp_path / "x.db")
    make(tmp_path / "other")
    with pytest.raises((ConfigError, DatabaseDamaged)) as caught:
        restore(url_of(path), tmp_path / "other")
    assert said in str(caught.value)


def test_without_any_backup_a_copy_has_to_be_named(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    with pytest.raises(ConfigError, match=r"there is no backup of .*; name a copy of your own"):
        restore(url_of(path))
    with pytest.raises(ConfigError, match="is the database itself; name a backup of it"):
        restore(url_of(path), path)


def test_a_full_disk_leaves_the_former_database(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "1m") as disk:
        path = with_study(disk / "x.db")
        back_up(url_of(path))
        before = path.read_bytes()
        fill(disk)
        with pytest.raises(StorageUnavailable, match=r"cannot be restored from .*No space left"):
            restore(url_of(path))
        assert path.read_bytes() == before
        assert sorted(file.name for file in disk.iterdir()) == ["ballast", "x.db", "x.db.files"]


@pytest.mark.outside
def test_a_restore_that_is_killed_can_be_run_again(tmp_path: Path) -> None:
    for number, wait_s in enumerate(KILL_AFTER_S):
        path = with_study(tmp_path / f"{number}.db", trials=40, filler=50_000)
        back_up(url_of(path))
        _write_and_die(path)
        with child(RESTORE, url_of(path)) as process:
            assert say(process) == "ready"
            time.sleep(wait_s)
            process.kill()
            process.wait(10)
        if path.exists():  # the former database with its log, or the backup without
            assert is_sound(path)
        restore(url_of(path))
        assert (is_sound(path), trials_in(path)) == (True, 40)
        assert optuna.get_all_study_names(open_database(url_of(path), "read")) == ["s"]


def test_a_restore_needs_neither_optuna_nor_sqlalchemy(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    back_up(url_of(path))
    code = (
        "import sys\n"
        "from fieldsharp.storage.maintenance.restore import restore\nrestore(sys.argv[1])\n"
        "print([name for name in ('optuna', 'sqlalchemy') if name in sys.modules])"
    )
    assert said_by(code, url_of(path)) == "[]\n"
