"""What a database's own messages come to, and real faults in use."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from sqlalchemy.exc import InterfaceError, OperationalError

from fieldsharp.core.errors import DatabaseDamaged, StorageError, StorageUnavailable
from fieldsharp.storage.database import open_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.errors.messages import storage_error
from fieldsharp.storage.maintenance.backup import back_up
from tests.storage.databases import damage_table, fill, is_sound, mounted, url_of, with_study

URL = "postgresql://ann:secret@h/db"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


@pytest.mark.parametrize(
    "reason",
    [
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "unable to open database file",
        'connection to server at "h" (10.0.0.1), port 5432 failed: Connection refused',
        "server closed the connection unexpectedly",
        "terminating connection due to administrator command",
        "FATAL:  the database system is starting up",
        "FATAL:  the database system is in recovery mode",
        "canceling statement due to statement timeout",
        "cannot execute INSERT in a read-only transaction",
        "failed to resolve host 'h': [Errno -3] Temporary failure in name resolution",
        "FATAL:  sorry, too many clients already",
        'could not translate host name "h" to address: Name or service not known',
        "(2003, \"Can't connect to MySQL server on 'h' ([Errno 111] Connection refused)\")",
        "(2006, 'MySQL server has gone away')",
        "(2013, 'Lost connection to MySQL server during query')",
        "(1213, 'Deadlock found when trying to get lock; try restarting transaction')",
    ],
)
def test_what_may_be_in_order_again_later_is_unavailable(reason: str) -> None:
    found = storage_error(URL, reason)
    assert type(found) is StorageUnavailable
    assert "cannot be used at the moment" in str(found)
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    "reason",
    [
        'FATAL:  password authentication failed for user "ann"',
        'FATAL:  database "db" does not exist',
        "(1045, \"Access denied for user 'ann'@'h' (using password: YES)\")",
        "no such table: studies",
        "attempt to write a readonly database",
    ],
)
def test_what_waiting_does_not_mend_has_failed(reason: str) -> None:
    assert type(storage_error(URL, reason)) is StorageError


@pytest.mark.parametrize("reason", ["database disk image is malformed", "file is not a database"])
def test_damage_names_the_newest_backup(tmp_path: Path, reason: str) -> None:
    url = url_of(with_study(tmp_path / "x.db"))
    newest = back_up(url)
    found = storage_error(url, reason)
    assert type(found) is DatabaseDamaged
    assert f"put the newest backup, {newest}, back with `python run_sweep.py storage" in str(found)


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_lost_connection_is_unavailable_whatever_its_words(
    kind: type[OperationalError] | type[InterfaceError],
) -> None:
    lost = kind("SELECT 1", {}, Exception("unheard of"), connection_invalidated=True)
    with pytest.raises(StorageUnavailable, match="unheard of"), database_errors(URL):
        raise lost


def test_a_lock_that_is_not_freed_in_time_is_unavailable(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    storage = open_database(url_of(path), "write", busy_timeout_s=0.1)
    study = optuna.load_study(study_name="s", storage=storage)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable) as caught, database_errors(url_of(path)):
            study.set_user_attr("a", 1)
    assert str(caught.value) == (
        f"database sqlite:///{path} cannot be used at the moment (database is locked); end the "
        "process that keeps it locked, then run the same command again"
    )
    study.set_user_attr("a", 1)


def test_a_full_disk_is_unavailable_and_goes_on_when_there_is_space(disk: Path) -> None:
    path = with_study(disk / "x.db")
    study = optuna.load_study(study_name="s", storage=open_database(url_of(path), "write"))
    trial = study.ask()
    ballast = fill(disk)
    with pytest.raises(StorageUnavailable, match=r"disk is full.*free space on its disk"):
        _write_much(trial, url_of(path))
    with pytest.raises(StorageUnavailable, match=r"disk is full|disk I/O error"):
        _write_much(trial, url_of(path))
    ballast.unlink()
    study.tell(trial, 1.0)
    assert is_sound(path)


def test_a_disk_that_is_full_when_the_database_is_opened_is_unavailable(disk: Path) -> None:
    path = with_study(disk / "x.db")
    fill(disk)
    with pytest.raises(StorageUnavailable):
        open_database(url_of(path), "write")
    (disk / "ballast").unlink()
    open_database(url_of(path), "write")


def _write_much(trial: optuna.Trial, url: str) -> None:
    with database_errors(url):
        for number in range(100):
            trial.set_user_attr(str(number), "x" * 2000)


def test_a_page_damaged_in_use_is_damage(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    damage_table(path, "trials")
    storage = open_database(url_of(path), "read")
    with pytest.raises(DatabaseDamaged, match="is damaged"), database_errors(url_of(path)):
        optuna.load_study(study_name="s", storage=storage).get_trials()
