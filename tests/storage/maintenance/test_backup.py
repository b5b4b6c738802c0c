"""Backups: made beside a writer, numbered, whole or not there."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError, DatabaseDamaged, StorageUnavailable
from fieldsharp.storage.location.paths import backups, backups_folder, newest_backup
from fieldsharp.storage.maintenance.backup import back_up, copy_database
from tests.storage.databases import (
    child,
    damage_table,
    fill,
    is_sound,
    mounted,
    old_database,
    said_by,
    say,
    trials_in,
    url_of,
    with_study,
)

KILL_AFTER_S = (0.0, 0.03, 0.06, 0.1)
BACK_UP = """
import sys
from fieldsharp.storage.maintenance.backup import back_up
print("ready", flush=True)
back_up(sys.argv[1])
"""
WRITE = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
print("ready", flush=True)
number = 0
while True:
    number += 1
    connection.execute("BEGIN IMMEDIATE")
    # Two rows that belong together: a copy that is no snapshot would have one of them.
    for table in ("trial_user_attributes", "trial_system_attributes"):
        connection.execute(
            f"INSERT INTO {table} (trial_id, key, value_json) VALUES (1, ?, 'x')", (str(number),)
        )
    connection.execute("COMMIT")
    time.sleep(0.001)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


def test_a_backup_is_a_sound_copy_of_its_user_alone(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    backup = back_up(url_of(path))
    assert backup == backups_folder(url_of(path)) / "x.000001.db"
    assert (is_sound(backup), trials_in(backup)) == (True, 3)
    assert backup.stat().st_mode & 0o777 == 0o600
    assert backup.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in backup.parent.iterdir()] == ["x.000001.db"]


def test_numbers_rise_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    url = url_of(with_study(tmp_path / "x.db"))
    assert newest_backup(url) is None
    for _ in range(4):
        newest = back_up(url, keep=2)
    assert [backup.name for backup in backups(url)] == ["x.000003.db", "x.000004.db"]
    assert newest_backup(url) == newest


def test_the_newest_is_the_highest_number_whatever_the_clock_said(tmp_path: Path) -> None:
    url = url_of(with_study(tmp_path / "x.db"))
    folder = backups_folder(url)
    folder.mkdir(parents=True)
    for name in ("x.000009.db", "x.000010.db", "x.1000000.db", "y.000099.db", "x.000011.db.part"):
        (folder / name).touch()
    assert [backup.name for backup in backups(url)] == [
        *("x.000009.db", "x.000010.db", "x.1000000.db")
    ]
    assert back_up(url).name == "x.1000001.db"


def test_a_backup_beside_a_writer_is_a_snapshot(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db", trials=40, filler=2000)
    with child(WRITE, path) as writer:
        assert say(writer) == "ready"
        copies = []
        for _ in range(5):
            copies.append(back_up(url_of(path)))
            time.sleep(0.05)
        assert writer.poll() is None, "the writer was not disturbed"
    counts = []
    for copy in copies:
        assert is_sound(copy)
        with closing(sqlite3.connect(copy)) as connection:
            (first,), (second,) = connection.execute(
                "SELECT count(*) FROM trial_user_attributes WHERE value_json = 'x' UNION ALL "
                "SELECT count(*) FROM trial_system_attributes"
            )
        assert first == second
        counts.append(first)
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_a_backup_holds_what_is_in_the_log_alone(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO studies (study_name) VALUES ('new')")
        with closing(sqlite3.connect(back_up(url_of(path)))) as copy:
            assert copy.execute("SELECT count(*) FROM studies").fetchone() == (2,)


def test_a_backup_that_fails_for_want_of_space_leaves_nothing(disk: Path) -> None:
    path = with_study(disk / "x.db")
    first = back_up(url_of(path))
    ballast = fill(disk)
    with pytest.raises(StorageUnavailable) as caught:
        back_up(url_of(path))
    assert re.fullmatch(
        rf"no backup of sqlite:///{path} was made: {first.with_name('x.000002.db')} cannot be "
        r"written \((database or disk is full|disk I/O error|No space left on device)\); free "
        "space there or make it writable, then run the same command again",
        str(caught.value),
    )
    assert list(first.parent.iterdir()) == [first]
    ballast.unlink()
    assert back_up(url_of(path)).name == "x.000002.db"


def test_a_backup_that_is_killed_leaves_nothing_once_the_next_is_made(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db", trials=40, filler=50_000)
    for wait_s in KILL_AFTER_S:
        with child(BACK_UP, url_of(path)) as process:
            assert say(process) == "ready"
            time.sleep(wait_s)
            process.kill()
            process.wait(10)
        for backup in backups(url_of(path)):
            assert is_sound(backup)
    newest = back_up(url_of(path))
    assert is_sound(newest)
    assert set(newest.parent.iterdir()) == set(backups(url_of(path)))


def test_two_backups_at_once_take_two_numbers(tmp_path: Path) -> None:
    url = url_of(with_study(tmp_path / "x.db"))
    with child(BACK_UP, url) as first, child(BACK_UP, url) as second:
        assert (first.wait(30), second.wait(30)) == (0, 0)
    assert [backup.name for backup in backups(url)] == ["x.000001.db", "x.000002.db"]


def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    newest = back_up(url_of(path))
    damage_table(path, "trials")
    with pytest.raises(DatabaseDamaged, match=f"the newest backup, {newest}, back"):
        back_up(url_of(path))
    assert backups(url_of(path)) == [newest]


def test_an_older_database_can_be_backed_up(tmp_path: Path) -> None:
    assert trials_in(back_up(url_of(old_database(tmp_path / "x.db", "v2.6.0.a")))) == 6


def test_a_copy_goes_to_any_file_that_is_not_there(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    copy_database(url_of(path), tmp_path / "copy")
    assert trials_in(tmp_path / "copy") == 3
    with pytest.raises(ConfigError, match="copy exists and would be lost; name a new file with -o"):
        copy_database(url_of(path), tmp_path / "copy")
    with pytest.raises(ConfigError, match="there is no folder"):
        copy_database(url_of(path), tmp_path / "nowhere" / "copy")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy", "x.db"]


def test_a_server_is_backed_up_by_its_own_programs() -> None:
    with pytest.raises(
        ConfigError, match=r"ann:\*\*\*@h/db is on a server and in no file; back it up with pg_dump"
    ):
        back_up("postgresql://ann:secret@h/db")
    assert newest_backup("postgresql://ann:secret@h/db") is None


def test_a_backup_needs_neither_optuna_nor_sqlalchemy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from fieldsharp.storage.maintenance.backup import back_up\nback_up(sys.argv[1])\n"
        "print([name for name in ('optuna', 'sqlalchemy', 'numpy') if name in sys.modules])"
    )
    assert said_by(code, url_of(with_study(tmp_path / "x.db"))) == "[]\n"
