"""What a PostgreSQL server is asked and told about locks and the processes that hold them.

Advisory locks belong to a connection and are freed with it; each is a number, made here of a name.
Connections commit every statement by itself. The table is beside those of Optuna, one row a study
that was ever run; a process that ended in good order took its number out.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from fields.errors import StorageUnavailable, StudyError
from storage.holder import CONFIRM, LOOKING_S, NOBODY, RESUME, Holder
from storage.server import connected
from storage.url import mask_password

ALL_STUDIES = "all studies"
OPENING = "opening"
TRY_EVERY_S = 0.1
TABLE = "fieldsharp_coordinators"
_STUDY = "study "
# Several schemas of one database may hold studies of the same name.
_KEY = "hashtextextended('fieldsharp ' || current_schema()::text || ' ' || CAST(:what AS text), 0)"
_MAKE = f"""
    CREATE TABLE IF NOT EXISTS {TABLE} (
        study text PRIMARY KEY, token text NOT NULL, pid integer, host text NOT NULL,
        command text NOT NULL, files text NOT NULL, since timestamptz NOT NULL DEFAULT now())
"""
_TAKE_OVER = f"""
    INSERT INTO {TABLE} (study, token, pid, host, command, files)
    VALUES (:study, :token, :pid, :host, :command, :files)
    ON CONFLICT (study) DO UPDATE SET token = excluded.token, pid = excluded.pid,
        host = excluded.host, command = excluded.command, files = excluded.files, since = now()
"""  # noqa: S608
_ROW = f"SELECT pid, host, command, files FROM {TABLE} WHERE study = :study"  # noqa: S608
_STUDIES = f"SELECT study FROM {TABLE} WHERE pid IS NOT NULL"  # noqa: S608
_TOKEN = f"SELECT token FROM {TABLE} WHERE study = :study"  # noqa: S608
_END = f"UPDATE {TABLE} SET pid = NULL WHERE study = :study AND token = :token"  # noqa: S608
_HOLDERS = f"""
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = {_KEY}
"""  # noqa: S608
_END_CONNECTIONS = f"""
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = :name AND pid IN ({_HOLDERS})
"""  # noqa: S608


@dataclass(frozen=True)
class Claim:
    """What a process says of itself when it takes a study.

    Attributes:
        study: Name of the study.
        token: Drawn for this claim alone.
        command: What the process was started by.
        files: Where the files of the study lie for it.
    """

    study: str
    token: str
    command: str
    files: str

    @property
    def connection_name(self) -> str:
        """By which the connection that holds the lock is known on the server."""
        return f"fieldsharp lock {self.token}"


def make_table(connection: Connection) -> None:
    """Make the table of those who run studies, where it is not there."""
    if not _is_there(connection):
        with _locked(connection, OPENING):  # two that make one table at once fail
            connection.execute(sqlalchemy.text(_MAKE))


def take_over(connection: Connection, claim: Claim) -> None:
    """Make a claim the one that counts, once no transaction of the former one is open."""
    values = {
        "study": claim.study,
        "token": claim.token,
        "pid": os.getpid(),
        "host": platform.node(),
        "command": claim.command,
        "files": claim.files,
    }
    connection.execute(sqlalchemy.text(_TAKE_OVER), values)


def end_of(connection: Connection, claim: Claim) -> None:
    """Note that who made a claim ended in good order."""
    connection.execute(sqlalchemy.text(_END), {"study": claim.study, "token": claim.token})


def token_of(where: Connection | Session, study: str, *, keep: bool = False) -> str | None:
    """Return the token of the claim that counts.

    Args:
        where: To ask.
        study: Name of the study.
        keep: Whether nobody may take the study over until the transaction ends.
    """
    statement = f"{_TOKEN} FOR SHARE" if keep else _TOKEN
    token = where.execute(sqlalchemy.text(statement), {"study": study}).scalar()
    return None if token is None else str(token)


def holder_of(connection: Connection, study: str) -> Holder:
    """Return which process runs a study, or ran it when it died."""
    if not _is_there(connection):
        return NOBODY
    # First: a process that says who it is between the two is then seen with the next look.
    alive = connection.execute(sqlalchemy.text(_HOLDERS), {"what": _STUDY + study}).first()
    row = connection.execute(sqlalchemy.text(_ROW), {"study": study}).first()
    if row is None:
        return Holder(None, "", alive is not None)
    command = CONFIRM if row.command == CONFIRM else RESUME
    return Holder(row.pid, row.host, alive is not None, command)


def files_of(connection: Connection, study: str) -> tuple[str, str] | None:
    """Return machine and folder of the files of who ran a study last; None if nobody did."""
    row = connection.execute(sqlalchemy.text(_ROW), {"study": study}).first()
    return None if row is None else (row.host, row.files)


def is_gone_from_here(holder: Holder) -> bool:
    """Return whether a process of this machine is known to be no more."""
    if holder.host != platform.node() or holder.pid is None:
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def has_just_started(connection: Connection, seconds: float) -> bool:
    """Return whether the server has run for less than so long."""
    age = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())"
    return float(connection.execute(sqlalchemy.text(age)).scalar_one()) < seconds


def end_connections(connection: Connection, claim: Claim) -> bool:
    """End connections of our own that hold a lock because the server takes them for alive.

    Returns:
        Whether there was one.
    """
    values = {"name": claim.connection_name, "what": _STUDY + claim.study}
    return bool(connection.execute(sqlalchemy.text(_END_CONNECTIONS), values).scalar())


def try_lock(connection: Connection, study: str) -> bool:
    """Take the lock of a study where it is free or ours; return whether it is ours."""
    return _try(connection, "pg_try_advisory_lock", _STUDY + study)


def try_shared_lock(connection: Connection, what: str) -> bool:
    """Take a lock together with others; return whether nobody has it alone."""
    return _try(connection, "pg_try_advisory_lock_shared", what)


@contextmanager
def opening_locked_on_server(url: str, timeout_s: float) -> Iterator[None]:
    """Let one process at a time make tables or change them.

    Raises:
        StorageUnavailable: If another process has done so for too long.
        StorageError: If the server does not answer.
    """
    with connected(url) as connection:
        deadline = time.monotonic() + timeout_s
        while not _try(connection, "pg_try_advisory_lock", OPENING):
            if time.monotonic() > deadline:
                raise StorageUnavailable(
                    f"another process has been making or upgrading {mask_password(url)} for "
                    f"{timeout_s:.0f} s",
                    "see what it waits for, then run the same command again",
                )
            time.sleep(TRY_EVERY_S)
        yield


@contextmanager
def no_coordinator_on_server(url: str, doing: str) -> Iterator[None]:
    """Keep every study of a database from being run meanwhile, see ``no_coordinator``."""
    with connected(url) as connection:
        deadline = time.monotonic() + LOOKING_S
        while not _try(connection, "pg_try_advisory_lock", ALL_STUDIES):
            if time.monotonic() > deadline:
                raise StudyError(
                    f"cannot {doing} {mask_password(url)} while a study in it is being run by "
                    f"{_anybody(connection)}; stop that process or wait for it to end"
                )
            time.sleep(TRY_EVERY_S)
        yield


def _anybody(connection: Connection) -> str:
    for study in connection.execute(sqlalchemy.text(_STUDIES)).scalars().all():
        holder = holder_of(connection, study)
        if holder.alive:
            return holder.words
    return "another process"


def _is_there(connection: Connection) -> bool:
    found = connection.execute(sqlalchemy.text(f"SELECT to_regclass('{TABLE}') IS NOT NULL"))
    return bool(found.scalar())


def _try(connection: Connection, function: str, what: str) -> bool:
    statement = sqlalchemy.text(f"SELECT {function}({_KEY})")
    return bool(connection.execute(statement, {"what": what}).scalar())


@contextmanager
def _locked(connection: Connection, what: str) -> Iterator[None]:
    values = {"what": what}
    connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({_KEY})"), values)
    try:
        yield
    finally:
        connection.execute(sqlalchemy.text(f"SELECT pg_advisory_unlock({_KEY})"), values)
