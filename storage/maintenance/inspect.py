"""What is in a database and what is wrong with it; nothing is changed by looking."""

import re
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from fieldsharp.storage.active_studies import is_run, study_locks
from fieldsharp.storage.errors.messages import sqlite_errors
from fieldsharp.storage.location.backup_files import backups
from fieldsharp.storage.location.owned_folders import check_files_folder
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.optuna_adapter.schema import schema_of
from fieldsharp.storage.sqlite.checks import require_studies
from fieldsharp.storage.sqlite.file import beside, look, size_of
from fieldsharp.storage.sqlite.replace import damaged_copies, partials
from fieldsharp.storage.study_lock import study_lock_owner

SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class StudyFound:
    """A study in a database.

    Attributes:
        name: Its name.
        states: Number of trials by state.
        is_run: Whether a process runs it now.
    """

    name: str
    states: dict[str, int]
    is_run: bool

    @property
    def abandoned(self) -> int:
        """Trials marked as running although nobody runs the study."""
        return 0 if self.is_run else self.states.get("RUNNING", 0)


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        problems: What is wrong with the file, empty if it is sound.
        schema: Version of its tables; None if none is noted.
        studies: By name.
        backups: Oldest first.
        leftovers: Files nobody needs any more, or should look at, with what they are.
        is_on_server: Whether a server keeps it, which alone can look at its pages.
    """

    problems: list[str]
    schema: str | None
    studies: list[StudyFound]
    backups: list[Path] = field(default_factory=list)
    leftovers: dict[Path, str] = field(default_factory=dict)
    is_on_server: bool = False


def inspect(url: str) -> Inspection:
    """Look at everything in a database.

    Raises:
        ConfigError: If it is missing, no database, another program's, or beside a folder that may
            not be used.
        DatabaseDamaged: If it is so damaged that nothing can be said, empty, or gone.
        StorageError: If it cannot be read.
    """
    path = sqlite_path(url)
    if path is None:
        return _inspect_server(url)
    check_files_folder(url, "read")
    require_studies(url, path)
    with sqlite_errors(url):
        problems = look(path, _problems)
        # A damaged table may be the one that is asked.
        schema = look(path, schema_of)
        counted = look(path, _count_trials)
    studies = [_study(url, name, states) for name, states in sorted(counted.items())]
    return Inspection(problems, schema, studies, backups(url), _leftovers(url, path))


def _problems(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(f"PRAGMA integrity_check({SHOWN_PROBLEMS})").fetchall()
    found = [" ".join(str(row[0]).split()) for row in rows]
    problems = [] if found == ["ok"] else found
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        tables = ", ".join(sorted({str(row[0]) for row in orphans}))
        problems.append(f"{len(orphans)} rows in {tables} belong to rows that are not there")
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


def _study(url: str, name: str, states: dict[str, int]) -> StudyFound:
    return StudyFound(name, states, study_lock_owner(url, name).alive)


def _leftovers(url: str, path: Path) -> dict[Path, str]:
    target = path.resolve()
    found = dict.fromkeys(damaged_copies(target), "a former database, moved aside by a restore")
    found |= dict.fromkeys(partials(target), "unfinished; the next restore or upgrade removes it")
    locks = re.compile(rf"{re.escape(path.name)}(\.[0-9a-f]{{12}})?\.lock")
    for file in sorted(path.absolute().parent.iterdir()):
        if locks.fullmatch(file.name):
            found[file] = "a lock of an earlier version; remove it when no sweep runs"
    log = beside(path)[0]
    if size_of(log) > 0 and not any(map(is_run, study_locks(url))):
        found[log] = "changes a writer has not moved into the database yet; keep it beside it"
    return found


def _inspect_server(url: str) -> Inspection:
    from optuna.trial import TrialState

    from fieldsharp.storage.database import database_errors, open_database
    from fieldsharp.storage.optuna_adapter.internals import id_of_study

    storage = open_database(url, "read")
    with database_errors(url):
        schema = storage.get_current_version()
        studies = []
        for study in storage.get_all_studies():
            counts = {s.name: storage.get_n_trials(id_of_study(study), s) for s in TrialState}
            states = {state: number for state, number in counts.items() if number}
            studies.append(_study(url, study.study_name, states))
    named = sorted(studies, key=lambda study: study.name)
    return Inspection([], schema, named, is_on_server=True)
