"""Damaged, empty and foreign databases: each refused in one sentence with the remedy."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Literal

import optuna
import pytest

from fieldsharp.core.errors import ConfigError, DatabaseDamaged, FieldsharpError, StorageError
from fieldsharp.storage.database import check_storage, open_database
from fieldsharp.storage.location.paths import files_folder
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.storage.sqlite.checks import require_sound
from tests.storage.databases import (
    child,
    damage_table,
    old_database,
    say,
    trials_in,
    url_of,
    with_study,
)

Mode = Literal["read", "write"]
MODES: list[Mode] = ["read", "write"]


def _refusal(path: Path, mode: Mode, error: type[FieldsharpError]) -> str:
    before = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    with pytest.raises(error) as caught:
        open_database(url_of(path), mode)
    assert type(caught.value) is error
    after = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    assert after == before, "what is refused is left as it is"
    said = str(caught.value)
    assert "\n" not in said
    assert not said.endswith(".")
    return said


def _halve(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):  # the kind and the cells of every page but one
        content[page : page + 8] = bytes(byte ^ 0xFF for byte in content[page : page + 8])
    path.write_bytes(content)


def _zero_the_header(path: Path) -> None:
    path.write_bytes(bytes(100) + path.read_bytes()[100:])


def _change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statement)


def _restore(path: Path) -> str:
    return f"with `python run_sweep.py storage restore --storage sqlite:///{path}`"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [Path.touch, lambda path: _change(path, "VACUUM")])
def test_an_empty_file_is_refused(tmp_path: Path, mode: Mode, make: Callable[[Path], None]) -> None:
    path = tmp_path / "x.db"
    make(path)
    assert _refusal(path, mode, DatabaseDamaged) == (
        f"the database {path} is empty, without any table; there is no backup beside it: remove "
        "the file to begin anew"
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_file_without_a_table_is_refused_with_the_newest_backup(
    tmp_path: Path, mode: Mode
) -> None:
    path = with_study(tmp_path / "x.db")
    back_up(url_of(path))
    newest = back_up(url_of(path))
    path.unlink()
    _change(path, "CREATE TABLE t (a); DROP TABLE t")
    assert path.stat().st_size > 0
    assert _refusal(path, mode, DatabaseDamaged) == (
        f"the database {path} is empty, without any table; put the newest backup, {newest}, back "
        f"{_restore(path)}, or remove the file to begin anew"
    )


def test_the_address_is_quoted_for_the_shell_and_left_out_where_it_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, typed in (("sweeps.db", ""), ("my x.db", " --storage 'sqlite:///my x.db'")):
        path = with_study(Path(name))
        back_up(url_of(path))
        path.write_bytes(b"")
        assert f"`python run_sweep.py storage restore{typed}`" in _refusal(
            path, "read", DatabaseDamaged
        )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("with_backup", [True, False])
def test_a_truncated_file_is_refused(tmp_path: Path, mode: Mode, with_backup: bool) -> None:
    path = with_study(tmp_path / "x.db")
    newest = back_up(url_of(path)) if with_backup else None
    _halve(path)
    advice = (
        f"put the newest backup, {newest}, back {_restore(path)}, or"
        if with_backup
        else "there is no backup beside it:"
    )
    assert _refusal(path, mode, DatabaseDamaged) == (
        f"database sqlite:///{path} is damaged (database disk image is malformed); {advice} move "
        "the file away to begin anew"
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_database_whose_header_is_gone_is_damaged(tmp_path: Path, mode: Mode) -> None:
    path = with_study(tmp_path / "x.db")
    files_folder(url_of(path)).mkdir()  # of a sweep that was run
    _zero_the_header(path)
    said = _refusal(path, mode, DatabaseDamaged)
    assert "is damaged (file is not a database); there is no backup" in said


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_never_was_a_database_is_the_wrong_file(tmp_path: Path, mode: Mode) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"text\n" * 1000)
    assert _refusal(path, mode, ConfigError) == (
        f"storage sqlite:///{path} is a file but no database; name another with --storage"
    )


def test_flipped_bytes_are_found_before_anything_is_written(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db", trials=40, filler=2000)
    _flip(path)
    with pytest.raises(DatabaseDamaged, match="is damaged") as caught:
        require_sound(url_of(path), "write")
    assert "\n" not in str(caught.value)


def test_a_damaged_table_is_found_by_a_writer_and_met_by_a_reader(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    damage_table(path, "trials")
    require_sound(url_of(path), "read")
    with pytest.raises(DatabaseDamaged, match="is damaged"):
        open_database(url_of(path), "write")


@pytest.mark.parametrize("mode", MODES)
def test_another_programs_database_is_refused_with_what_is_in_it(
    tmp_path: Path, mode: Mode
) -> None:
    path = tmp_path / "x.db"
    tables = "".join(f"CREATE TABLE t{number} (a);" for number in range(7))
    _change(path, tables + "CREATE TABLE alembic_version (version_num)")
    assert _refusal(path, mode, ConfigError) == (
        f"storage {path} is another program's database, with the tables alembic_version, t0, t1, "
        "t2, t3, ... and none of studies; name another with --storage"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("schema", ["v2.6.0.a", "v3.0.0.d"])
def test_older_tables_are_refused_with_the_command_that_upgrades_them(
    tmp_path: Path, mode: Mode, schema: str
) -> None:
    path = old_database(tmp_path / "x.db", schema)
    assert _refusal(path, mode, StorageError) == (
        f"database sqlite:///{path} was made by an older version (its tables are {schema}, here "
        "v3.2.0.a is needed); bring it up to date with `python run_sweep.py storage upgrade "
        f"--storage sqlite:///{path}`, which backs it up first"
    )


@pytest.mark.parametrize("mode", MODES)
def test_newer_tables_are_refused(tmp_path: Path, mode: Mode) -> None:
    path = with_study(tmp_path / "x.db")
    newest = back_up(url_of(path))
    _change(path, "UPDATE alembic_version SET version_num = 'v9.0.0.a'")
    assert _refusal(path, mode, StorageError) == (
        f"database sqlite:///{path} was made by a newer version (its tables are v9.0.0.a, here "
        "v3.2.0.a is known); use the newer version of this program, or another database with "
        f"--storage (its newest backup is {newest})"
    )


def test_a_database_that_is_gone_is_not_begun_anew_unnoticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = with_study(tmp_path / "x.db")
    newest = back_up(url_of(path))
    path.unlink()
    assert _refusal(path, "read", DatabaseDamaged) == (
        f"the database {path} is gone; put the newest backup, {newest}, back {_restore(path)}, or "
        "start a sweep to begin anew"
    )
    with pytest.raises(DatabaseDamaged, match="is gone"):
        open_database(url_of(path), "write", must_exist=True)
    assert not path.exists()
    assert open_database(url_of(path), "write").get_all_studies() == []
    assert [record.getMessage() for record in caplog.records] == [
        f"the database {path} is gone and a new one is made; its newest backup is {newest}"
    ]


def test_a_missing_database_can_be_refused_to_a_writer(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no database at .*x\.db; start a sweep first"):
        open_database(url_of(tmp_path / "x.db"), "write", must_exist=True)
    assert list(tmp_path.iterdir()) == []


def test_the_log_of_a_removed_database_is_not_replayed_over_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with child(WRITE_AND_HANG, path) as writer:
        assert say(writer) == "written"
        writer.kill()
        writer.wait(10)
    log = path.with_name("x.db-wal")
    assert log.stat().st_size > 0
    left = log.read_bytes()
    path.unlink()
    assert optuna.get_all_study_names(open_database(url_of(path), "write")) == []
    assert (tmp_path / "x.db.damaged-1-wal").read_bytes() == left


def test_what_a_killed_writer_left_in_the_log_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with child(WRITE_AND_HANG, path) as writer:
        assert say(writer) == "written"
        writer.kill()
        writer.wait(10)
    check_storage(url_of(path), "read")
    assert path.with_name("x.db-wal").stat().st_size > 0, "checking leaves the log as it is"
    storage = open_database(url_of(path), "write")
    assert storage.get_n_trials(storage.get_study_id_from_name("left")) == 20


def test_a_read_makes_no_file(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    storage = open_database(url_of(path), "read")
    assert optuna.get_all_study_names(storage) == ["s"]
    storage.scoped_session.remove()
    storage.engine.dispose()
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]


def test_a_new_database_is_of_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    storage = open_database(url_of(path), "write")
    optuna.create_study(storage=storage)
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    private = dict.fromkeys(["x.db", "x.db-wal", "x.db-shm"], "0o600")
    assert modes == private | {"x.db.files": "0o700"}


def test_a_start_that_is_killed_leaves_no_half_made_database(tmp_path: Path) -> None:
    for attempt in range(3):
        path = tmp_path / f"{attempt}.db"
        with child(OPEN, path) as process:
            assert say(process) == "ready"
            with pytest.raises(Exception, match="timed out"):
                process.wait(0.05 * attempt)
            process.kill()
            process.wait(10)
        if path.exists():
            require_sound(url_of(path), "write")
        open_database(url_of(path), "write").engine.dispose()
        assert trials_in(path) == 0
    left = re.compile(r"\..*partial.*")
    assert not [file for file in tmp_path.iterdir() if left.fullmatch(file.name)]


WRITE_AND_HANG = """
import sys, time, optuna
from fieldsharp.storage.database import open_database
study = optuna.create_study(study_name="left", storage=open_database(f"sqlite:///{sys.argv[1]}", "write"))
for _ in range(20):
    study.tell(study.ask(), 1.0)
print("written", flush=True)
time.sleep(60)
"""  # noqa: E501
OPEN = """
import sys, time
import optuna
from fieldsharp.storage.database import open_database
import optuna.storages._rdb.models
print("ready", flush=True)
open_database(f"sqlite:///{sys.argv[1]}", "write")
time.sleep(60)
"""
