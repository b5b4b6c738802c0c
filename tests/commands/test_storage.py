"""The storage commands as they are typed: exit codes and exact sentences."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.command_line import main
from tests.storage.databases import (
    HOLD,
    child,
    damage_table,
    old_database,
    say,
    schema_in,
    trials_in,
    with_study,
)


class Run(Protocol):
    def __call__(self, *arguments: str, code: int = 0) -> str: ...


def _what_is_said(found: tuple[int, str, str], code: int) -> str:
    """Return what a command said; what went wrong is one line."""
    returned, out, err = found
    assert returned == code, err
    if code:
        assert err.count("\n") == 1
        return err.removeprefix("error: ").rstrip("\n")
    assert err == ""
    return out


def _run(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run a command in a folder, in a process of its own, and return what it said."""
    environment = {name: v for name, v in os.environ.items() if name != "SWEEP_STORAGE"}
    done = subprocess.run(
        [sys.executable, PROJECT / "run_sweep.py", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    return _what_is_said((done.returncode, done.stdout, done.stderr), code)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in the folder of the test, in this process, and return what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)

    def said(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        return _what_is_said((main(list(arguments)), *capsys.readouterr()), code)

    return said


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return with_study(tmp_path / "sweeps.db")


@pytest.mark.outside
def test_back_up_damage_check_and_restore(database: Path, tmp_path: Path) -> None:
    assert _run(tmp_path, "storage", "backup") == (
        "backed up to sweeps.db.files/backups/sweeps.000001.db\n"
    )
    assert _run(tmp_path, "storage", "check") == (
        "structure: every page and every reference is in order\n"
        "tables: v3.2.0.a\n"
        "study s: 3 complete\n"
        "backups: 1, the newest sweeps.db.files/backups/sweeps.000001.db\n"
    )
    database.write_bytes(database.read_bytes()[:20_000])
    advice = (
        "database sqlite:///sweeps.db is damaged (database disk image is malformed); put the "
        "newest backup, sweeps.db.files/backups/sweeps.000001.db, back with `python run_sweep.py "
        "storage restore`, or move the file away to begin anew"
    )
    for command in (["storage", "check"], ["status"], ["storage", "backup"]):
        assert _run(tmp_path, *command, code=1) == advice
    assert _run(tmp_path, "storage", "restore") == (
        "restored sweeps.db from sweeps.db.files/backups/sweeps.000001.db\n"
        f"the former database is kept: {tmp_path}/sweeps.db.damaged-1\n"
    )
    assert "study s: 3 complete\n" in _run(tmp_path, "storage", "check")
    assert trials_in(database) == 3


@pytest.mark.outside
def test_an_older_database_is_upgraded(tmp_path: Path) -> None:
    path = old_database(tmp_path / "my old.db", "v2.6.0.a")
    option = ("--storage", "sqlite:///my old.db")
    assert _run(tmp_path, "status", *option, code=1) == (
        "database sqlite:///my old.db was made by an older version (its tables are v2.6.0.a, here "
        "v3.2.0.a is needed); bring it up to date with `python run_sweep.py storage upgrade "
        "--storage 'sqlite:///my old.db'`, which backs it up first"
    )
    assert _run(tmp_path, "storage", "upgrade", *option) == (
        "upgraded from v2.6.0.a to v3.2.0.a\nas it was: my old.db.files/backups/my old.000001.db\n"
    )
    assert schema_in(path) == "v3.2.0.a"
    assert _run(tmp_path, "storage", "upgrade", *option) == (
        "nothing to do: the tables are v3.2.0.a already\n"
    )
    found = json.loads(_run(tmp_path, "storage", "check", "--json", *option))
    assert found["studies"] == [
        {
            "name": "old",
            "states": {"COMPLETE": 3, "FAIL": 1, "PRUNED": 1, "RUNNING": 1},
            "is_run": False,
            "abandoned": 1,
        }
    ]
    assert found["problems"] == []


def test_a_check_of_a_damaged_table_says_what_is_wrong(
    database: Path, tmp_path: Path, run: Run
) -> None:
    damage_table(database, "trial_params")
    assert run("storage", "check", code=1).startswith("database sqlite:///sweeps.db is damaged (")


def test_a_backup_of_any_name_and_how_many_are_kept(
    database: Path, tmp_path: Path, run: Run
) -> None:
    assert run("storage", "backup", "-o", "copy.db") == "backed up to copy.db\n"
    assert run("storage", "backup", "-o", "copy.db", code=2) == (
        "copy.db exists and would be lost; name a new file with -o"
    )
    for _ in range(3):
        run("storage", "backup", "--keep", "2")
    kept = sorted(path.name for path in (tmp_path / "sweeps.db.files" / "backups").iterdir())
    assert kept == ["sweeps.000002.db", "sweeps.000003.db"]
    assert "'--keep': Input should be greater" in run("storage", "backup", "--keep", "0", code=2)
    assert "restored sweeps.db from copy.db" in run("storage", "restore", "copy.db")


@pytest.mark.parametrize("command", ["check", "backup", "upgrade"])
def test_a_missing_database_is_refused(tmp_path: Path, run: Run, command: str) -> None:
    assert run("storage", command, code=2) == (
        "there is no database at sweeps.db; start a sweep first, or name another with --storage"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_restore_without_a_backup_is_refused(tmp_path: Path, run: Run) -> None:
    assert run("storage", "restore", code=2) == (
        "there is no backup of sqlite:///sweeps.db; name a copy of your own with `python "
        "run_sweep.py storage restore COPY`"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["restore", "upgrade"])
def test_nothing_is_replaced_under_a_sweep(tmp_path: Path, run: Run, command: str) -> None:
    old_database(tmp_path / "sweeps.db", "v3.0.0.d")
    run("storage", "backup")
    with child(HOLD, f"sqlite:///{tmp_path}/sweeps.db", "s") as holder:
        assert say(holder) == "held"
        assert run("storage", command, code=2) == (
            f"cannot {command} sqlite:///sweeps.db while a study in it is being run by process "
            f"{holder.pid}; stop that process or wait for it to end"
        )


def test_a_start_does_not_begin_a_study_in_another_programs_database(
    tmp_path: Path,
    tiny_yaml: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("sweeps.db")) as connection:
        connection.execute("CREATE TABLE urls (a)")
    before = Path("sweeps.db").read_bytes()
    # In this process: start loads torch first.
    for command in (["start", str(tiny_yaml)], ["status"], ["dashboard", "--no-open"]):
        assert main(command) == 2
        assert capsys.readouterr().err == (
            "error: storage sweeps.db is another program's database, with the tables urls and "
            "none of studies; name another with --storage\n"
        )
    assert Path("sweeps.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["sweeps.db"]


def test_an_empty_database_is_refused(
    tmp_path: Path,
    tiny_yaml: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweeps.db").touch()
    for command in (["start", str(tiny_yaml)], ["status"], ["storage", "check"]):
        assert main(command) == 1
        assert capsys.readouterr().err == (
            "error: the database sweeps.db is empty, without any table; there is no backup beside "
            "it: remove the file to begin anew\n"
        )
    assert Path("sweeps.db").stat().st_size == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sweeps.db"]
