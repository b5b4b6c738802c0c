"""Looking at everything in a database without changing it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from fieldsharp.core.errors import DatabaseDamaged
from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.storage.maintenance.inspect import MB, disk_space_of, free_mb, inspect
from fieldsharp.storage.maintenance.restore import restore
from tests.storage.databases import (
    HOLD,
    child,
    file_of,
    fill,
    mounted,
    old_database,
    said_by,
    say,
    url_of,
    with_study,
)
from tests.storage.maintenance.test_restore import WRITE_AND_HANG


def test_studies_are_listed_with_their_trials(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    storage = open_database(url_of(path), "write")
    optuna.create_study(study_name="empty", storage=storage)
    optuna.load_study(study_name="s", storage=storage).ask()
    found = inspect(url_of(path))
    assert (found.problems, found.schema) == ([], "v3.2.0.a")
    listed = [(study.name, study.states, study.abandoned) for study in found.studies]
    assert listed == [("empty", {}, 0), ("s", {"COMPLETE": 3, "RUNNING": 1}, 1)]


def test_trials_of_a_study_that_is_run_are_not_abandoned(tmp_path: Path) -> None:
    path = old_database(tmp_path / "x.db", "v3.0.0.d")
    assert inspect(url_of(path)).studies[0].abandoned == 1
    with child(HOLD, url_of(path), "old") as holder:
        assert say(holder) == "held"
        (study,) = inspect(url_of(path)).studies
        assert (study.is_run, study.abandoned) == (True, 0)


def test_looking_changes_nothing_not_even_the_log_of_a_writer_that_died(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    with child(WRITE_AND_HANG, path) as writer:
        assert say(writer) == "written"
        writer.kill()
        writer.wait(10)
    kept = [path, path.with_name("x.db-wal")]
    before = [file.read_bytes() for file in kept]
    found = inspect(url_of(path))
    assert len(found.studies) == 51
    assert found.leftovers == {
        kept[1]: "changes a writer has not moved into the database yet; keep it beside it"
    }
    assert [file.read_bytes() for file in kept] == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.db", "x.db-shm", "x.db-wal"]


def test_looking_at_a_database_nobody_uses_makes_no_file(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    inspect(url_of(path))
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]


def test_an_index_that_does_not_agree_is_a_problem(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'ix_studies_study_name'")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = "
            "'ix_trials_study_id') WHERE name = 'trials_study_id_key'"
        )
        connection.commit()
    found = inspect(url_of(path))
    assert found.problems


def test_rows_that_belong_to_nothing_are_a_problem(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM studies")
        connection.commit()
    assert inspect(url_of(path)).problems == [
        "4 rows in study_directions, trials belong to rows that do not exist"
    ]


def test_what_was_left_behind_is_listed(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    backup = back_up(url_of(path))
    restore(url_of(path))
    names = [".x.db.77.partial", "x.db.lock", "x.db.0123456789ab.lock", "y.db.lock"]
    for name in names:
        (tmp_path / name).touch()
    found = inspect(url_of(path))
    assert sorted(file.name for file in found.leftovers) == [
        *(".x.db.77.partial", "x.db.0123456789ab.lock", "x.db.damaged-1", "x.db.lock")
    ]
    assert found.backups == [backup]


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    path.write_bytes(path.read_bytes()[:4096])
    with pytest.raises(DatabaseDamaged, match="is damaged"):
        inspect(url_of(path))


def test_looking_needs_neither_optuna_nor_sqlalchemy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from fieldsharp.storage.maintenance.inspect import inspect\ninspect(sys.argv[1])\n"
        "print([name for name in ('optuna', 'sqlalchemy') if name in sys.modules])"
    )
    assert said_by(code, url_of(with_study(tmp_path / "x.db"))) == "[]\n"


def test_a_disk_is_asked_through_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        assert free_mb(disk / "not" / "yet") == 4.0
        (disk / "x.db").write_bytes(b"x" * MB)
        room = disk_space_of(url_of(disk / "x.db"))
        assert (room.free_mb, room.database_mb) == (3.0, 1.0)
        fill(disk)
        assert free_mb(disk) == 0.0


def test_a_relative_address_is_of_the_disk_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        monkeypatch.chdir(disk)
        assert disk_space_of("sqlite:///x.db").free_mb == 4.0
        assert free_mb(Path("below")) == 4.0
        monkeypatch.chdir(tmp_path)


def test_the_log_of_a_database_takes_room_too(storage_url: str) -> None:
    path = with_study(file_of(storage_url))
    alone = disk_space_of(storage_url).database_mb
    assert alone == path.stat().st_size / MB
    path.with_name(f"{path.name}-wal").write_bytes(b"x" * MB)
    assert disk_space_of(storage_url).database_mb == alone + 1.0


def test_a_database_of_a_server_takes_no_room_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    room = disk_space_of("postgresql://ann@h/db")
    assert room.database_mb is None
    assert room.free_mb > 0
