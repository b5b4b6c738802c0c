"""Messages about databases: temporarily unavailable, damaged, or failed, each with its remedy."""

import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldsharp.core.errors import DatabaseDamaged, StorageError, StorageUnavailable
from fieldsharp.core.program_name import program
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.paths import backups_folder, newest_backup
from fieldsharp.storage.location.url import as_option

DAMAGE = ("malformed", "not a database", "file is encrypted")
LOCKED = ("locked", "deadlock", "lock wait", "lock timeout")
FULL = ("disk is full", "no space left", "disk full", "quota exceeded")
UNAVAILABLE = (
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
    """Return the error for a database's own message, with masked passwords.

    With ``away`` it is known to be unavailable, whatever the message.
    """
    name, masked_reason = mask_password(url), mask_password(reason)
    text = reason.lower()
    if any(phrase in text for phrase in DAMAGE):
        return damaged(url, masked_reason)
    if any(phrase in text for phrase in FULL):
        fix = "free space on its disk"
    elif any(phrase in text for phrase in LOCKED):
        fix = "end the process that keeps it locked"
    elif away or any(phrase in text for phrase in UNAVAILABLE):
        fix = "see that its disk or its server can be reached"
    elif (refusal := access_refusal(url, reason)) is not None:
        return StorageError(refusal)
    else:
        return StorageError(
            f"database {name} failed: {masked_reason}; "
            "check that it is a database of studies and that its disk has space"
        )
    return StorageUnavailable(
        f"database {name} cannot be used at the moment ({masked_reason})",
        f"{fix}, then run the same command again",
    )


def access_refusal(url: str, reason: str) -> str | None:
    """Return why a server refused the access, by its own message; None where it did not."""
    detail = mask_password(reason).rpartition("FATAL:")[2].strip()
    name = mask_password(url)
    if any(phrase in reason.lower() for phrase in LOGIN) or NO_ROLE.search(reason):
        return (
            f"the server of {name} does not let this user in ({detail}); correct user and password "
            "in the environment variable SWEEP_STORAGE or in ~/.pgpass"
        )
    if NO_DATABASE.search(reason):
        return (
            f"there is no such database on the server of {name} ({detail}); have it made with "
            "createdb, or choose another with --storage"
        )
    if "must be owner of" in reason.lower():
        return (
            f"the tables in {name} are of an earlier version and this user may not change them "
            f"({detail}); have their owner start a sweep there once"
        )
    if "permission denied for" in reason.lower():
        return (
            f"this user may not use all of the tables in {name} ({detail}); have their owner GRANT "
            "what is missing"
        )
    if PARAMETERS.search(reason):
        detail = detail.rpartition(" failed: ")[2].removeprefix("connection is bad: ")
        return (
            f"{name} cannot be reached in this way ({detail}); "
            "correct the parameters in the address"
        )
    return None


def damaged(url: str, reason: str) -> DatabaseDamaged:
    """Return the error of a database whose file is broken."""
    advice = restore_advice(url, otherwise="move the file away to begin anew")
    return DatabaseDamaged(f"database {mask_password(url)} is damaged ({reason}); {advice}")


@contextmanager
def sqlite_errors(url: str) -> Iterator[None]:
    """Map the errors of SQLite.

    Raises:
        StorageError: In their place, ``StorageUnavailable`` or ``DatabaseDamaged`` where it fits.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise storage_error(url, one_line(error)) from error


def one_line(error: BaseException) -> str:
    """Return the first line of an error's message, its class if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def removed_in_use(url: str, path: Path) -> DatabaseDamaged:
    """Return the error of a database file that was deleted while it was open."""
    advice = restore_advice(url, otherwise="start anew")
    return DatabaseDamaged(f"the database {path} was removed while it was in use; {advice}")


def storage_command(url: str, command: str) -> str:
    """Return a ``storage`` command on this database as it is typed."""
    return f"`{program()} storage {command}{as_option(url)}`"


def resume_hint(url: str, command: str, study: str) -> str:
    """Return how to go on with ``resume`` or ``confirm`` of a study, for a message."""
    return f"go on with {program()} {command} {shlex.quote(study)}{as_option(url)}"


def restore_advice(url: str, *, otherwise: str) -> str:
    """Return how to restore the newest backup, or what to do otherwise, for a message."""
    try:
        newest = newest_backup(url)
    except OSError as error:
        where = error.filename or backups_folder(url)
        return f"whether there is a backup cannot be seen ({where}: {error.strerror}): {otherwise}"
    if newest is None:
        return f"there is no backup beside it: {otherwise}"
    restore = storage_command(url, "restore")
    return f"put the newest backup, {newest}, back with {restore}, or {otherwise}"
