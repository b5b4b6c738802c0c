"""The table of the owners of studies in a PostgreSQL database, next to Optuna's tables.

An owner is the process that runs a study. The table has one row per study that was ever run, with
its present owner; a process that ends in good order removes its number. Its advisory lock shows
whether a process is alive.

Functions that connect (``..._on_server``) raise ``ConfigError`` if the address cannot be used, and
``StorageError`` if the server does not answer.
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
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.lock_owner import (
    CONFIRM,
    LOCK_WAIT_S,
    NO_OWNER,
    RESUME,
    LockOwner,
    own_identity,
)
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
_WITHDRAW = f"UPDATE {TABLE} SET stop = NULL WHERE study = :study"  # noqa: S608
_COLUMNS = (
    f"SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('{TABLE}')"  # noqa: S608
    " AND attnum > 0 AND NOT attisdropped"
)
_STUDIES = f"SELECT study FROM {TABLE} WHERE pid IS NOT NULL"  # noqa: S608
_TOKEN = f"SELECT token FROM {TABLE} WHERE study = :study"  # noqa: S608
_END = f"UPDATE {TABLE} SET pid = NULL WHERE study = :study AND token = :token"  # noqa: S608


@dataclass(frozen=True)
class Ownership:
    """The row that a process writes when it takes a study.

    Attributes:
        token: A random number, drawn whenever a study is taken.
        files: The folder of the study's files on its machine.
    """

    study: str
    token: str
    command: str
    files: str

    @property
    def connection_name(self) -> str:
        """The server's name for the connection that has the lock."""
        return f"fieldsharp lock {self.token}"


def make_table(connection: Connection) -> None:
    """Make the table if it is missing, and add the columns that an older one lacks."""
    if not _table_exists(connection):
        with locked(connection, OPENING):  # two that make one table at once fail
            connection.execute(sqlalchemy.text(_MAKE))
    existing = connection.execute(sqlalchemy.text(_COLUMNS)).scalars().all()
    for column in _ADDED:
        if column.partition(" ")[0] not in existing:
            adding = f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {column}"
            connection.execute(sqlalchemy.text(adding))


def take_over(connection: Connection, ownership: Ownership) -> None:
    """Write the owner of a study, once no transaction of the former owner is open."""
    values = {
        "study": ownership.study,
        "token": ownership.token,
        "pid": os.getpid(),
        "host": platform.node(),
        "command": ownership.command,
        "files": ownership.files,
        "identity": own_identity(),
    }
    connection.execute(sqlalchemy.text(_TAKE_OVER), values)


def mark_ended(connection: Connection, ownership: Ownership) -> None:
    """Record that the owner of a study ended in good order."""
    connection.execute(sqlalchemy.text(_END), {"study": ownership.study, "token": ownership.token})


def token_of(where: Connection | Session, study: str, *, lock_row: bool = False) -> str | None:
    """Return the token of the present owner of a study.

    With ``lock_row`` no process can take the study over until the transaction ends.
    """
    statement = f"{_TOKEN} FOR SHARE" if lock_row else _TOKEN
    token = where.execute(sqlalchemy.text(statement), {"study": study}).scalar()
    return None if token is None else str(token)


def owner_of(connection: Connection, study: str) -> LockOwner:
    """Return the process that runs a study, or died while it did."""
    if not _table_exists(connection):
        return NO_OWNER
    # First: a process that takes the study between the two queries is seen the next time.
    alive = is_held(connection, lock_of(study))
    row = _row(connection, study)
    if row is None:
        return LockOwner(None, "", alive)
    command = CONFIRM if row["command"] == CONFIRM else RESUME
    return LockOwner(row["pid"], row["host"], alive, command, row.get("identity", ""))


def files_of(connection: Connection, study: str) -> tuple[str, str] | None:
    """Return machine and folder of the files of a study's last owner; None if it had none."""
    row = _row(connection, study)
    return None if row is None else (row["host"], row["files"])


def lock_owner_on_server(url: str, study: str) -> LockOwner:
    """Return the process that runs a study, or died while it did; changes nothing."""
    with connected(url) as connection:
        return owner_of(connection, study)


def ask_to_stop_on_server(url: str, study: str, owner: LockOwner, *, at_once: bool) -> None:
    """Write a request to stop for the process that runs a study."""
    values = {"study": study, "identity": owner.identity, "stop": "now" if at_once else "epoch"}
    with connected(url) as connection:
        connection.execute(sqlalchemy.text(_ASK), values)


def is_asked_to_stop_on_server(url: str, study: str) -> bool:
    """Return whether a request to stop waits for its answer."""
    with connected(url) as connection:
        row = _row(connection, study)
    return row is not None and row.get("stop") is not None


def withdraw_on_server(url: str, study: str) -> None:
    """Remove a request to stop."""
    with connected(url) as connection:
        connection.execute(sqlalchemy.text(_WITHDRAW), {"study": study})


def take_stop_request(connection: Connection, ownership: Ownership) -> int:
    """Return how urgently an owner is asked to stop, and answer: 0 not, 1 after the epoch, 2 now.

    It is also the regular test that the server answers.
    """
    values = {"study": ownership.study, "token": ownership.token}
    stop = connection.execute(sqlalchemy.text(_TAKE_STOP), values).scalar()
    return 0 if stop is None else 2 if stop == "now" else 1


@contextmanager
def no_active_study_on_server(url: str, doing: str) -> Iterator[None]:
    """Prevent every study of a database from being run in the block, see ``no_active_study``."""
    with connected(url) as connection:
        deadline = time.monotonic() + LOCK_WAIT_S
        while not try_lock(connection, ALL_STUDIES):
            if time.monotonic() > deadline:
                raise StudyError(
                    f"cannot {doing} {mask_password(url)} while a study in it is being run by "
                    f"{_describe_owner(connection)}; stop that process or wait for it to end"
                )
            time.sleep(TRY_EVERY_S)
        yield


def _describe_owner(connection: Connection) -> str:
    for study in connection.execute(sqlalchemy.text(_STUDIES)).scalars().all():
        owner = owner_of(connection, study)
        if owner.alive:
            return owner.description
    return "another process"


def _row(connection: Connection, study: str) -> dict[str, Any] | None:
    row = connection.execute(sqlalchemy.text(_ROW), {"study": study}).scalar()
    return None if row is None else dict(row)


def _table_exists(connection: Connection) -> bool:
    query = sqlalchemy.text(f"SELECT to_regclass('{TABLE}') IS NOT NULL")
    return bool(connection.execute(query).scalar())
