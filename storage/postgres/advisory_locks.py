"""Advisory locks of a PostgreSQL server: named here, held by a connection, and freed with it.

The server knows each by a number, a hash of its name. Connections commit every statement by itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy
from sqlalchemy import Connection

from fieldsharp.core.errors import StorageUnavailable
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.postgres.connection import connected

ALL_STUDIES = "all studies"
OPENING = "opening"
TRY_EVERY_S = 0.1
# Several schemas of one database may hold studies of the same name.
_KEY = "hashtextextended('fieldsharp ' || current_schema()::text || ' ' || CAST(:what AS text), 0)"
_HOLDERS = f"""
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = {_KEY}
"""  # noqa: S608
_END_CONNECTIONS = f"""
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = :name AND pid IN ({_HOLDERS})
"""  # noqa: S608


def lock_of(study: str) -> str:
    """Return the name of the lock of a study."""
    return f"study {study}"


def try_lock(connection: Connection, what: str) -> bool:
    """Take an exclusive lock if it is free; return whether this connection has it."""
    return _try(connection, "pg_try_advisory_lock", what)


def try_shared_lock(connection: Connection, what: str) -> bool:
    """Take a shared lock; return whether no connection has an exclusive one."""
    return _try(connection, "pg_try_advisory_lock_shared", what)


def is_held(connection: Connection, what: str) -> bool:
    """Return whether any connection has a lock."""
    return connection.execute(sqlalchemy.text(_HOLDERS), {"what": what}).first() is not None


def end_holders(connection: Connection, what: str, name: str) -> bool:
    """End the connections of this name that have a lock; return whether there was one."""
    values = {"name": name, "what": what}
    return bool(connection.execute(sqlalchemy.text(_END_CONNECTIONS), values).scalar())


@contextmanager
def locked(connection: Connection, what: str) -> Iterator[None]:
    """Wait for a lock and hold it in the block."""
    values = {"what": what}
    connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({_KEY})"), values)
    try:
        yield
    finally:
        connection.execute(sqlalchemy.text(f"SELECT pg_advisory_unlock({_KEY})"), values)


@contextmanager
def database_init_lock_on_server(url: str, timeout_s: float) -> Iterator[None]:
    """Let one process at a time make tables or change them, see ``database_init_lock``.

    Raises:
        StorageUnavailable: If another process has held it for too long.
        StorageError: If the server does not answer.
    """
    with connected(url) as connection:
        deadline = time.monotonic() + timeout_s
        while not try_lock(connection, OPENING):
            if time.monotonic() > deadline:
                raise StorageUnavailable(
                    f"another process has been making or upgrading {mask_password(url)} for "
                    f"{timeout_s:.0f} s",
                    "see what it waits for, then run the same command again",
                )
            time.sleep(TRY_EVERY_S)
        yield


def _try(connection: Connection, function: str, what: str) -> bool:
    statement = sqlalchemy.text(f"SELECT {function}({_KEY})")
    return bool(connection.execute(statement, {"what": what}).scalar())
