"""What went wrong with a database: away for now, damaged, or failed."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from fieldsharp.core.errors import DatabaseDamaged, StorageError, StorageUnavailable
from fieldsharp.storage.errors.hints import restore_advice
from fieldsharp.storage.location.url import mask_password

DAMAGE = ("malformed", "not a database", "file is encrypted")
LOCKED = ("locked", "deadlock", "lock wait", "lock timeout")
FULL = ("disk is full", "no space left", "disk full", "quota exceeded")
AWAY = (
    "disk i/o error",
    "unable to open database file",
    "locking protocol",
    # of servers
    *("connection refused", "connection reset", "connection timed out", "connection closed"),
    *("closed the connection", "closed unexpectedly", "lost connection", "connection is lost"),
    *("gone away", "broken pipe", "could not connect", "can't connect", "can't create a connect"),
    *("terminating connection", "starting up", "shutting down", "timeout expired", "timed out"),
    *("too many connections", "too many clients", "network is unreachable", "no route to host"),
    *("could not translate host name", "name resolution", "network error"),
    *("failed to resolve host", "in recovery mode", "not yet accepting", "slots are reserved"),
    *("statement timeout", "read-only transaction"),
)
LOGIN = (
    *("authentication failed", "no password supplied", "no pg_hba.conf entry"),
    *("is not permitted to log in", "permission denied for database"),
)
PARAMETERS = re.compile(
    r"""(?ix) invalid\ connection\ option | for\ connection\ option | invalid\ port\ number
    | bad\ value\ for | invalid\ \w+\ value: | does\ not\ support\ SSL | certificate """
)
NO_DATABASE = re.compile(r'database ".*" does not exist')
NO_ROLE = re.compile(r'role ".*" does not exist')


def storage_error(url: str, reason: str, *, away: bool = False) -> StorageError:
    """Return the error that says what a database's own message comes to.

    Args:
        url: The database.
        reason: Its message; passwords in it are masked.
        away: Known to be away, whatever the message.
    """
    name, said = mask_password(url), mask_password(reason)
    words = reason.lower()
    if any(word in words for word in DAMAGE):
        return damaged(url, said)
    if any(word in words for word in FULL):
        fix = "free space on its disk"
    elif any(word in words for word in LOCKED):
        fix = "end the process that keeps it locked"
    elif away or any(word in words for word in AWAY):
        fix = "see that its disk or its server can be reached"
    elif (refusal := refused(url, reason)) is not None:
        return StorageError(refusal)
    else:
        return StorageError(
            f"database {name} failed: {said}; "
            "check that it is a database of studies and that its disk has space"
        )
    return StorageUnavailable(
        f"database {name} cannot be used at the moment ({said})",
        f"{fix}, then run the same command again",
    )


def refused(url: str, reason: str) -> str | None:
    """Return why an address lets nobody in, as one sentence; None where that is not the reason.

    Args:
        url: The database.
        reason: What the server said.
    """
    said = mask_password(reason).rpartition("FATAL:")[2].strip()
    name = mask_password(url)
    if any(word in reason.lower() for word in LOGIN) or NO_ROLE.search(reason):
        return (
            f"the server of {name} does not let this user in ({said}); correct user and password "
            "in the environment variable SWEEP_STORAGE or in ~/.pgpass"
        )
    if NO_DATABASE.search(reason):
        return (
            f"there is no such database on the server of {name} ({said}); have it made with "
            "createdb, or choose another with --storage"
        )
    if "must be owner of" in reason.lower():
        return (
            f"the tables in {name} are of an earlier version and this user may not change them "
            f"({said}); have their owner start a sweep there once"
        )
    if "permission denied for" in reason.lower():
        return (
            f"this user may not use all of the tables in {name} ({said}); have their owner GRANT "
            "what is missing"
        )
    if PARAMETERS.search(reason):
        said = said.rpartition(" failed: ")[2].removeprefix("connection is bad: ")
        return (
            f"{name} cannot be reached in this way ({said}); correct the parameters in the address"
        )
    return None


def damaged(url: str, reason: str) -> DatabaseDamaged:
    """Return the error of a database whose file is broken."""
    advice = restore_advice(url, otherwise="move the file away to begin anew")
    return DatabaseDamaged(f"database {mask_password(url)} is damaged ({reason}); {advice}")


@contextmanager
def sqlite_errors(url: str) -> Iterator[None]:
    """Map what SQLite raises.

    Raises:
        StorageError: In its place, in one sentence; ``StorageUnavailable`` or ``DatabaseDamaged``
            where it is one of these.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise storage_error(url, one_line(error)) from error


def one_line(error: BaseException) -> str:
    """Return the first line of an error's message, its class if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
