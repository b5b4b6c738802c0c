"""The file of an SQLite database: its identity, and reading from it beside a writer.

Closing any descriptor of a file frees every POSIX lock that the process has on it, those of SQLite
included, and another process could then delete the write-ahead log while it is in use. So nothing
here opens and closes the file itself: ``open_descriptor`` keeps its descriptors open until the
process ends.
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from fieldsharp.storage.location.url import sqlite_path

SIDECAR_SUFFIXES = ("-wal", "-shm", "-journal")
TIMEOUT_S = 60.0
COMPLETION_TIMEOUT_S = 0.02
MOST_NAMES = 200
_NEWEST_STUDIES = """
SELECT study_name FROM studies JOIN study_user_attributes USING (study_id)
WHERE key = 'config' ORDER BY study_id DESC LIMIT ?
"""
Answer = TypeVar("Answer")
FileIdentity = tuple[int, int]
"""Device and inode."""

_descriptors: dict[tuple[FileIdentity, bool], int] = {}
_lock = threading.Lock()


def sidecar_files(path: Path) -> list[Path]:
    """Return the paths of SQLite's files next to a database: log, index of the log, journal."""
    real = path.resolve()  # SQLite puts them next to the file, not next to a link to it
    return [real.with_name(real.name + suffix) for suffix in SIDECAR_SUFFIXES]


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, 0 if it is missing."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def can_be_written(path: Path) -> bool:
    """Return whether a database file and the folder for SQLite's files next to it are writable.

    Only permissions are checked, which a read-only file system denies to root too.
    """
    return os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)


def reading_uri(path: Path, *, leave_no_trace: bool = False) -> str:
    """Return the URI that opens a database for reading.

    With ``leave_no_trace`` even the log of a writer that died stays as it is, but the result may
    be wrong if a writer starts meanwhile.
    """
    if not leave_no_trace and can_be_written(path):
        return f"{path.absolute().as_uri()}?mode=rw"
    # Immutable: without the log and its index, which a reader that may not write cannot make.
    return f"{path.absolute().as_uri()}?mode=ro{'' if is_in_use(path) else '&immutable=1'}"


def is_in_use(path: Path) -> bool:
    """Return whether a process writes to a database, or died while it did."""
    log, index, _ = sidecar_files(path)
    return size_of(log) > 0 or index.exists()


def connect_reading(path: Path, timeout_s: float = TIMEOUT_S) -> sqlite3.Connection:
    """Open an existing database for reading beside its writer.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    uri = reading_uri(path)
    return sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None)


def read_unchanged(path: Path, query: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Run a query on a database, and leave it, its log and the folder as they are.

    Raises:
        sqlite3.Error: If it cannot be opened or read.
    """
    beside_a_writer = is_in_use(path)
    while True:
        uri = reading_uri(path, leave_no_trace=True)
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=TIMEOUT_S, isolation_level=None)
            with closing(connection):
                return query(connection)
        except sqlite3.DatabaseError:
            if beside_a_writer or not is_in_use(path):
                raise
            beside_a_writer = True  # it started during the query: once more, with its log


def copy_into(source: sqlite3.Connection, target: Path) -> None:
    """Copy the present state of a database into an empty file, named by an absolute path.

    Raises:
        sqlite3.Error: If it cannot be read, or the file cannot be written.
    """
    # As bytes: sqlite3 takes no text that is not UTF-8, which the name of a folder need not be.
    source.execute("VACUUM INTO CAST(? AS TEXT)", (os.fsencode(target),))


def quick_check(connection: sqlite3.Connection) -> str | None:
    """Return the first fault in the structure of a database, None if it is sound."""
    (first,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if first == "ok" else " ".join(str(first).split())


def study_names(url: str) -> list[str]:
    """Return the names of this program's studies in a database, the newest first.

    Fast enough to complete a word while it is typed: no waiting for a lock, no Optuna. Empty for a
    database on a server, which may answer slowly.

    Raises:
        sqlite3.Error: If the database cannot be read at once.
        FieldsharpError: If the address is none.
        OSError: If its folder cannot be read.
    """
    path = sqlite_path(url)
    if path is None or not path.is_file():
        return []
    uri = reading_uri(path, leave_no_trace=True)
    with closing(sqlite3.connect(uri, uri=True, timeout=COMPLETION_TIMEOUT_S)) as connection:
        return [str(name) for (name,) in connection.execute(_NEWEST_STUDIES, (MOST_NAMES,))]


def file_identity(path: Path) -> FileIdentity | None:
    """Return the device and inode of the file at a path, None where it is missing."""
    try:
        metadata = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return metadata.st_dev, metadata.st_ino


def open_descriptor(path: Path, *, writable: bool) -> int:
    """Return a descriptor on a database file, for locks and to synchronise it; never close it.

    Only a writable one can take an exclusive lock.

    Raises:
        OSError: If the file is missing or cannot be opened.
    """
    with _lock:
        identity = file_identity(path)
        known = None if identity is None else _descriptors.get((identity, writable))
        if known is not None:
            return known
        flags = (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags)
        opened = os.fstat(descriptor)
        return _descriptors.setdefault(((opened.st_dev, opened.st_ino), writable), descriptor)


def hard_links(path: Path) -> list[Path]:
    """Return the other names (hard links) of a file in its own folder."""
    real = path.resolve()
    try:
        metadata = real.stat()
        if metadata.st_nlink < 2:
            return []
        neighbours = sorted(real.parent.iterdir())
    except OSError:
        return []
    links = []
    for other in neighbours:
        with suppress(OSError):
            if other != real and not other.is_symlink() and other.samefile(real):
                links.append(other)
    return links
