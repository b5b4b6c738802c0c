"""The file of an SQLite database, as SQLite lets one look at it.

Nothing here opens the file itself: to close it again would free every lock that SQLite holds on
it in the same process (POSIX locks), and another process could then delete the log under us.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

BESIDE = ("-wal", "-shm", "-journal")
TIMEOUT_S = 60.0
Answer = TypeVar("Answer")


def beside(path: Path) -> list[Path]:
    """Return the files SQLite keeps beside a database, whether they are there or not."""
    real = path.resolve()  # SQLite puts them beside the file, not beside a link to it
    return [real.with_name(real.name + suffix) for suffix in BESIDE]


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def can_be_written(path: Path) -> bool:
    """Return whether a database and the folder SQLite needs for the files beside it are writable.

    Permissions are asked, nothing is tried: a file system mounted read-only says no to root too.
    """
    return os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)


def reading_uri(path: Path, *, leave_no_trace: bool = False) -> str:
    """Return how to open a database for reading.

    Args:
        path: The file.
        leave_no_trace: Not even take up what a writer that died left in the log. What is read may
            then be wrong if a writer starts meanwhile.
    """
    if not leave_no_trace and can_be_written(path):
        return f"{path.absolute().as_uri()}?mode=rw"
    # Immutable: without the log and its index, which a reader that may not write cannot make.
    return f"{path.absolute().as_uri()}?mode=ro{'' if is_in_use(path) else '&immutable=1'}"


def is_in_use(path: Path) -> bool:
    """Return whether something is written to a database, or was when its writer died."""
    log, index, _ = beside(path)
    return size_of(log) > 0 or index.exists()


def connect_reading(path: Path, timeout_s: float = TIMEOUT_S) -> sqlite3.Connection:
    """Open a database for reading beside whoever writes to it; it must be there.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    uri = reading_uri(path)
    return sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None)


def look(path: Path, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Ask something of a database and leave it, its log and the folder as they are.

    Raises:
        sqlite3.Error: If it cannot be opened or read.
    """
    beside_a_writer = is_in_use(path)
    while True:
        uri = reading_uri(path, leave_no_trace=True)
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=TIMEOUT_S, isolation_level=None)
            with closing(connection):
                return question(connection)
        except sqlite3.DatabaseError:
            if beside_a_writer or not is_in_use(path):
                raise
            beside_a_writer = True  # it started while we looked: once more, with its log


def copy_into(source: sqlite3.Connection, target: Path) -> None:
    """Copy a database as it is at this moment into an empty file, named by an absolute path.

    Raises:
        sqlite3.Error: If it cannot be read, or the file cannot be written.
    """
    # As bytes: sqlite3 takes no text that is not UTF-8, which the name of a folder need not be.
    source.execute("VACUUM INTO CAST(? AS TEXT)", (os.fsencode(target),))


def quick_check(connection: sqlite3.Connection) -> str | None:
    """Return the first thing wrong with the structure of a database, None if it is sound."""
    (first,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if first == "ok" else " ".join(str(first).split())
