"""Databases to break, processes to kill and disks to fill."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import optuna
import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.database import open_database

OLD_DATABASES = Path(__file__).parent / "old_databases"
NOBODY = 65534
HOLD = """
import sys
from fieldsharp.storage.study_lock import StudyLock
with StudyLock(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""
"""Code for a child that holds the lock of a study until its input ends: address, study."""


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def with_study(path: Path, trials: int = 3, filler: int = 0) -> Path:
    """Make a database with the study ``s``, nobody using it; each trial with a long attribute."""
    path.write_bytes(_content(trials, filler))
    return path


@cache
def _content(trials: int, filler: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        storage = open_database(url_of(path), "write")
        study = optuna.create_study(study_name="s", storage=storage)
        for value in range(trials):
            trial = study.ask()
            trial.set_user_attr("filler", "x" * filler)
            study.tell(trial, float(value))
        storage.scoped_session.remove()
        storage.engine.dispose()
        return path.read_bytes()


def damage_table(path: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def trials_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute("SELECT count(*) FROM trials").fetchone()
    return int(number)


def old_database(path: Path, schema: str) -> Path:
    """Make a database as an older Optuna made it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((OLD_DATABASES / f"{schema}.sql").read_text(encoding="utf-8"))
    return path


def schema_in(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(schema)


def is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            found: list[tuple[str]] = connection.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.DatabaseError:
        return False
    return found == [("ok",)]


@contextmanager
def child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run Python in another process, killed at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by(code: str, *arguments: object) -> str:
    """Run Python in another process to its end and return what it said."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def say(process: subprocess.Popen[str]) -> str:
    """Return the next line of a child."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk in memory; the test is skipped where that is not allowed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"a disk in memory cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


def fill(folder: Path) -> Path:
    """Use up all space of a disk."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"\0" * 4096)
            except OSError:
                return ballast


def needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("another user can only be tried by root")
