"""Inspection of a database, without changing it: studies, faults, leftover files, disk space."""

import re
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from fieldsharp.storage.database_locks import is_lock_held, study_lock_files
from fieldsharp.storage.errors.messages import sqlite_errors
from fieldsharp.storage.location.paths import backups, check_files_folder, files_folder
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.optuna_adapter.schema import schema_of
from fieldsharp.storage.sqlite.checks import require_studies
from fieldsharp.storage.sqlite.file import read_unchanged, sidecar_files, size_of
from fieldsharp.storage.sqlite.replace import damaged_copies, partials
from fieldsharp.storage.study_lock import study_lock_owner

SHOWN_PROBLEMS = 5
MB = 2**20


@dataclass(frozen=True)
class StudyFound:
    """A study in a database, with the number of its trials by state, and whether it is run now."""

    name: str
    states: dict[str, int]
    is_run: bool

    @property
    def abandoned(self) -> int:
        """Stale RUNNING trials: no process runs the study."""
        return 0 if self.is_run else self.states.get("RUNNING", 0)


@dataclass(frozen=True)
class Inspection:
    """The content and the faults of a database.

    Attributes:
        problems: Faults of the file, empty if it is sound.
        schema: Version of its tables; None if it names none.
        backups: Oldest first.
        leftovers: Files to remove or to check, each with its description.
        is_on_server: Whether it is on a server, which alone can check its pages.
    """

    problems: list[str]
    schema: str | None
    studies: list[StudyFound]
    backups: list[Path] = field(default_factory=list)
    leftovers: dict[Path, str] = field(default_factory=dict)
    is_on_server: bool = False


def inspect(url: str) -> Inspection:
    """Inspect a database.

    Raises:
        ConfigError: If it is missing, no database, another program's, or the folder next to it may
            not be used.
        DatabaseDamaged: If it is damaged beyond reading, empty, or missing.
        StorageError: If it cannot be read.
    """
    path = sqlite_path(url)
    if path is None:
        return _inspect_server(url)
    check_files_folder(url, "read")
    require_studies(url, path)
    with sqlite_errors(url):
        problems = read_unchanged(path, _problems)
        # Last: a damaged table may make them fail.
        schema = read_unchanged(path, schema_of)
        counted = read_unchanged(path, _count_trials)
    studies = [
        StudyFound(name, states, study_lock_owner(url, name).alive)
        for name, states in sorted(counted.items())
    ]
    return Inspection(problems, schema, studies, backups(url), _leftovers(url, path))


def _problems(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(f"PRAGMA integrity_check({SHOWN_PROBLEMS})").fetchall()
    lines = [" ".join(str(row[0]).split()) for row in rows]
    problems = [] if lines == ["ok"] else lines
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        tables = ", ".join(sorted({str(row[0]) for row in orphans}))
        problems.append(f"{len(orphans)} rows in {tables} belong to rows that do not exist")
    return problems


def _count_trials(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    rows = connection.execute(
        "SELECT study_name, state, count(trial_id) FROM studies LEFT JOIN trials USING (study_id) "
        "GROUP BY study_name, state"
    )
    counted: dict[str, dict[str, int]] = {}
    for name, state, number in rows:
        counted.setdefault(name, {}).update({state: number} if state is not None else {})
    return counted


def _leftovers(url: str, path: Path) -> dict[Path, str]:
    target = path.resolve()
    leftovers = dict.fromkeys(damaged_copies(target), "a former database, moved aside by a restore")
    leftovers |= dict.fromkeys(
        partials(target), "unfinished; the next restore or upgrade removes it"
    )
    locks = re.compile(rf"{re.escape(path.name)}(\.[0-9a-f]{{12}})?\.lock")
    for file in sorted(path.absolute().parent.iterdir()):
        if locks.fullmatch(file.name):
            leftovers[file] = "a lock of an earlier version; remove it when no sweep runs"
    log = sidecar_files(path)[0]
    if size_of(log) > 0 and not any(map(is_lock_held, study_lock_files(url))):
        leftovers[log] = "changes a writer has not moved into the database yet; keep it beside it"
    return leftovers


def _inspect_server(url: str) -> Inspection:
    from optuna.trial import TrialState

    from fieldsharp.storage.database import open_database
    from fieldsharp.storage.errors.mapping import database_errors
    from fieldsharp.storage.optuna_adapter.internals import id_of_study

    storage = open_database(url, "read")
    with database_errors(url):
        schema = storage.get_current_version()
        studies = []
        for study in sorted(storage.get_all_studies(), key=lambda study: study.study_name):
            counts = {s.name: storage.get_n_trials(id_of_study(study), s) for s in TrialState}
            states = {state: number for state, number in counts.items() if number}
            alive = study_lock_owner(url, study.study_name).alive
            studies.append(StudyFound(study.study_name, states, alive))
    return Inspection([], schema, studies, is_on_server=True)


@dataclass(frozen=True)
class DiskSpace:
    """Free space next to a database, and the size of database and log (None on a server)."""

    free_mb: float
    database_mb: float | None


def disk_space_of(url: str) -> DiskSpace:
    """Return the size of a database and the free space of its disk.

    Raises:
        OSError: If its disk does not answer.
    """
    path = sqlite_path(url)
    size = None if path is None else sum(map(size_of, (path, *sidecar_files(path)))) / MB
    return DiskSpace(free_mb(files_folder(url)), size)


def free_mb(folder: Path) -> float:
    """Return the free space on the disk of a folder, which may be missing.

    Raises:
        OSError: If the disk does not answer.
    """
    folder = folder.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free / MB
