"""The database: one writer and many readers never block each other; errors name the fault."""

import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import optuna
import pytest
from optuna.storages import RDBStorage

from fieldsharp.core.errors import ConfigError, StorageError
from fieldsharp.storage.database import check_storage, open_database, require_database
from fieldsharp.storage.errors.mapping import database_errors

HOLD_S = 0.4


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _pragma(storage: RDBStorage, name: str) -> object:
    with storage.engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def _another_writer_is_locked_out(path: Path) -> bool:
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    finally:
        other.close()
    return False


def test_the_writer_uses_write_ahead_logging_and_normal_synchronisation(storage_url: str) -> None:
    storage = open_database(storage_url, "write")
    assert _pragma(storage, "journal_mode") == "wal"
    assert _pragma(storage, "synchronous") == 1  # NORMAL


def test_a_transaction_of_the_writer_takes_the_lock_when_it_begins(storage_url: str) -> None:
    storage = open_database(storage_url, "write")
    with storage.engine.connect() as connection, connection.begin():
        assert _another_writer_is_locked_out(_file(storage_url))
    assert not _another_writer_is_locked_out(_file(storage_url))


def test_a_transaction_of_a_reader_locks_nobody_out(storage_url: str) -> None:
    open_database(storage_url, "write")
    reader = open_database(storage_url, "read")
    with reader.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SELECT count(*) FROM studies")
        assert not _another_writer_is_locked_out(_file(storage_url))


def test_a_second_writer_waits_for_the_first_instead_of_failing(storage_url: str) -> None:
    first, second = open_database(storage_url, "write"), open_database(storage_url, "write")
    holding = threading.Event()

    def hold() -> float:
        with first.engine.connect() as connection, connection.begin():
            holding.set()
            time.sleep(HOLD_S)
            return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        released = pool.submit(hold)
        assert holding.wait(10)
        optuna.create_study(study_name="second", storage=second)
        assert time.monotonic() >= released.result()


def test_a_reader_goes_on_while_a_writer_holds_its_transaction(storage_url: str) -> None:
    writer = open_database(storage_url, "write")
    optuna.create_study(study_name="old", storage=writer)
    with writer.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("INSERT INTO studies (study_name) VALUES ('uncommitted')")
        reader = open_database(storage_url, "read")
        assert optuna.get_all_study_names(reader) == ["old"]


def test_reading_never_makes_a_database(storage_url: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no database at .*start a sweep first"):
        open_database(storage_url, "read")
    assert list(_file(storage_url).parent.iterdir()) == []


def test_a_check_leaves_nothing_behind(storage_url: str) -> None:
    check_storage(storage_url, "write")
    assert list(_file(storage_url).parent.iterdir()) == []


def test_a_check_leaves_a_database_that_is_there_as_it_is(storage_url: str) -> None:
    open_database(storage_url, "write")
    before = _file(storage_url).read_bytes()
    check_storage(storage_url, "write")
    assert _file(storage_url).read_bytes() == before


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_folder_is_refused(tmp_path: Path, mode: Literal["read", "write"]) -> None:
    with pytest.raises(ConfigError, match=r"is a folder; name a file in it, such as .*sweeps\.db"):
        open_database(f"sqlite:///{tmp_path}", mode)


@pytest.mark.parametrize("place", ["missing/x.db", "file/x.db"])
def test_a_place_that_takes_no_file_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be made \(.+\); choose a folder that exists"):
        open_database(f"sqlite:///{tmp_path / place}", "write")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_file_that_is_no_database_is_one_sentence_and_stays(
    storage_url: str, mode: Literal["read", "write"]
) -> None:
    garbage = b"this is not a database\n" * 400
    _file(storage_url).write_bytes(garbage)
    with pytest.raises(ConfigError, match="is a file but no database; name another") as caught:
        open_database(storage_url, mode).get_all_studies()
    assert "\n" not in str(caught.value)
    assert _file(storage_url).read_bytes() == garbage


def test_a_missing_driver_is_bad_input_without_the_password() -> None:
    with pytest.raises(ConfigError, match="needs a driver that is not installed") as caught:
        open_database("postgresql+nodriver://ann:secret@h/db", "write")
    assert "secret" not in str(caught.value)
    assert "ann:***@h/db" in str(caught.value)
    assert "pip install -r requirements-postgres.txt" in str(caught.value)


@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://ann:hunt@er2@h/db",  # er2@h would be named as the host
        "postgresql+psycopg://h:5432/db?user=ann&password=hunt@er2",
        "postgresql+psycopg:/ann:hunt@er2@h/db",
        "postgresql+psycopg:ann:hunter2@h/db",
        "ann:hunter2@h/db",
        "postgres://ann:hunter2@h/db",
        "postgresql://ann:hunter2@h:port/db",
    ],
)
def test_an_address_that_is_none_is_bad_input_without_the_password(
    address: str, mode: Literal["read", "write"]
) -> None:
    with pytest.raises(ConfigError, match=r"\*\*\*.* is no database address; ") as caught:
        open_database(address, mode)
    assert "postgresql+psycopg://ann@db.example/sweeps" in str(caught.value)
    assert "er2" not in str(caught.value)


def test_no_waiting_trial_is_handed_out_twice(storage_url: str) -> None:
    study = optuna.create_study(study_name="s", storage=open_database(storage_url, "write"))
    for value in range(40):
        study.enqueue_trial({"x": value})
    together = threading.Barrier(4)

    def ask_ten(_asker: int) -> list[int]:
        own = optuna.load_study(study_name="s", storage=open_database(storage_url, "write"))
        together.wait(30)
        return [own.ask().number for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        handed = Counter(number for numbers in pool.map(ask_ten, range(4)) for number in numbers)
    assert handed == Counter(range(40))


def test_a_database_removed_in_use_is_noticed(storage_url: str) -> None:
    open_database(storage_url, "write")
    require_database(storage_url)
    _file(storage_url).unlink()
    with pytest.raises(StorageError, match="was removed while it was in use"):
        require_database(storage_url)


def test_a_study_deleted_by_somebody_else_is_named(storage_url: str) -> None:
    study = optuna.create_study(study_name="s", storage=open_database(storage_url, "write"))
    trial = study.ask()
    optuna.delete_study(study_name="s", storage=open_database(storage_url, "write"))
    with pytest.raises(StorageError, match="was deleted meanwhile"), database_errors(storage_url):
        trial.set_user_attr("a", 1)


def test_two_processes_can_make_one_database_at_once(storage_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = [pool.submit(open_database, storage_url, "write") for _ in range(4)]
    for one in opened:
        assert one.result().get_all_studies() == []
