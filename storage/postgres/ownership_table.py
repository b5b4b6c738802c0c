"""Who runs the studies of a PostgreSQL database: a table beside those of Optuna.

It has one row a study that was ever run, with the claim that counts; a process that ended in good
order took its number out. Whether the process is alive its advisory lock says.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.location.url import mask_password
from fieldsharp.storage.lock_owner import CONFIRM, LOOKING_S, NOBODY, RESUME, LockOwner
from fieldsharp.storage.postgres.advisory_locks import (
    ALL_STUDIES,
    OPENING,
    TRY_EVERY_S,
    is_held,
    lock_of,
    locked,
    try_lock,
)
from fieldsharp.storage.postgres.connection import connected
from fieldsharp.storage.process_identity import process_identity

TABLE = "fieldsharp_coordinators"
_MAKE = f"""
    CREATE TABLE IF NOT EXISTS {TABLE} (
        study text PRIMARY KEY, token text NOT NULL, pid integer, host text NOT NULL,
        command text NOT NULL, files text NOT NULL, since timestamptz NOT NULL DEFAULT now(),
        identity text NOT NULL DEFAULT '', stop text)
"""
_ADDED = ("identity text NOT NULL DEFAULT ''", "stop text")
"""Columns that tables of earlier versions lack."""
_TAKE_OVER = f"""
    INSERT INTO {TABLE} (study, token, pid, host, command, files, identity)
    VALUES (:study, :token, :pid, :host, :command, :files, :identity)
    ON CONFLICT (study) DO UPDATE SET token = excluded.token, pid = excluded.pid,
        host = excluded.host, command = excluded.command, files = excluded.files, since = now(),
        identity = excluded.identity, stop = NULL
"""  # noqa: S608
# As an object: a table of an earlier version, which nobody has used since, has fewer columns.
_ROW = f"SELECT to_jsonb(c) FROM {TABLE} c WHERE study = :study"  # noqa: S608
_TAKE_STOP = f"""
    WITH asked AS (
        SELECT stop FROM {TABLE} WHERE study = :study AND token = :token AND stop IS NOT NULL
        FOR UPDATE)
    UPDATE {TABLE} SET stop = NULL FROM asked WHERE study = :study AND token = :token
    RETURNING asked.stop
"""  # noqa: S608
_ASK = f"UPDATE {TABLE} SET stop = :stop WHERE study = :study AND identity = :identity"  # noqa: S608
_ANSWER = f"UPDATE {TABLE} SET stop = NULL WHERE study = :study"  # noqa: S608
_COLUMNS = (
    f"SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('{TABLE}')"  # noqa: S608
    " AND attnum > 0 AND NOT attisdropped"
)
_STUDIES = f"SELECT study FROM {TABLE} WHERE pid IS NOT NULL"  # noqa: S608
_TOKEN = f"SELECT token FROM {TABLE} WHERE study = :study"  # noqa: S608
_END = f"UPDATE {TABLE} SET pid = NULL WHERE study = :study AND token = :token"  # noqa: S608


@dataclass(frozen=True)
class Ownership:
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
        with locked(connection, OPENING):  # two that make one table at once fail
            connection.execute(sqlalchemy.text(_MAKE))
    there = connection.execute(sqlalchemy.text(_COLUMNS)).scalars().all()
    for column in _ADDED:
        if column.partition(" ")[0] not in there:
            adding = f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {column}"
            connection.execute(sqlalchemy.text(adding))


def take_over(connection: Connection, claim: Ownership) -> None:
    """Make a claim the one that counts, once no transaction of the former one is open."""
    values = {
        "study": claim.study,
        "token": claim.token,
        "pid": os.getpid(),
        "host": platform.node(),
        "command": claim.command,
        "files": claim.files,
        "identity": process_identity(os.getpid()),
    }
    connection.execute(sqlalchemy.text(_TAKE_OVER), values)


def end_of(connection: Connection, claim: Ownership) -> None:
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


def owner_of(connection: Connection, study: str) -> LockOwner:
    """Return which process runs a study, or ran it when it died."""
    if not _is_there(connection):
        return NOBODY
    # First: a process that says who it is between the two is then seen with the next look.
    alive = is_held(connection, lock_of(study))
    row = _row(connection, study)
    if row is None:
        return LockOwner(None, "", alive)
    command = CONFIRM if row["command"] == CONFIRM else RESUME
    return LockOwner(row["pid"], row["host"], alive, command, row.get("identity", ""))


def files_of(connection: Connection, study: str) -> tuple[str, str] | None:
    """Return machine and folder of the files of who ran a study last; None if nobody did."""
    row = _row(connection, study)
    return None if row is None else (row["host"], row["files"])


def ask_to_stop(connection: Connection, study: str, holder: LockOwner, *, at_once: bool) -> None:
    """Leave a request to stop for the process that runs a study."""
    values = {"study": study, "identity": holder.identity, "stop": "now" if at_once else "epoch"}
    connection.execute(sqlalchemy.text(_ASK), values)


def is_asked_to_stop(connection: Connection, study: str) -> bool:
    """Return whether a request to stop is not answered yet."""
    row = _row(connection, study)
    return row is not None and row.get("stop") is not None


def answer_request(connection: Connection, study: str) -> None:
    """Remove a request to stop, which tells that it was heard, or is withdrawn."""
    connection.execute(sqlalchemy.text(_ANSWER), {"study": study})


def take_stop_request(connection: Connection, claim: Ownership) -> int:
    """Return how urgently a claimant is asked to stop, and answer: 0 not, 1 after the epoch, 2 now.

    It also tells whether the server answers.
    """
    values = {"study": claim.study, "token": claim.token}
    stop = connection.execute(sqlalchemy.text(_TAKE_STOP), values).scalar()
    return 0 if stop is None else 2 if stop == "now" else 1


@contextmanager
def no_active_study_on_server(url: str, doing: str) -> Iterator[None]:
    """Keep every study of a database from being run meanwhile, see ``no_active_study``."""
    with connected(url) as connection:
        deadline = time.monotonic() + LOOKING_S
        while not try_lock(connection, ALL_STUDIES):
            if time.monotonic() > deadline:
                raise StudyError(
                    f"cannot {doing} {mask_password(url)} while a study in it is being run by "
                    f"{_anybody(connection)}; stop that process or wait for it to end"
                )
            time.sleep(TRY_EVERY_S)
        yield


def _anybody(connection: Connection) -> str:
    for study in connection.execute(sqlalchemy.text(_STUDIES)).scalars().all():
        holder = owner_of(connection, study)
        if holder.alive:
            return holder.words
    return "another process"


def _row(connection: Connection, study: str) -> dict[str, Any] | None:
    row = connection.execute(sqlalchemy.text(_ROW), {"study": study}).scalar()
    return None if row is None else dict(row)


def _is_there(connection: Connection) -> bool:
    found = connection.execute(sqlalchemy.text(f"SELECT to_regclass('{TABLE}') IS NOT NULL"))
    return bool(found.scalar())
