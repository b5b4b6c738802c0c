"""Connections to a database server that detect when the server has vanished."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import NullPool

from fieldsharp.storage.errors.mapping import database_errors, opening_errors
from fieldsharp.storage.location.server_url import parsed, server_address
from fieldsharp.storage.location.url import is_postgres

_LIBPQ_DEFAULTS = {
    # A server that vanished with its machine closes no connection: without these a write would
    # wait for it for hours. Seconds; the last in milliseconds.
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "application_name": "fieldsharp",
    "client_encoding": "utf8",  # whatever the environment or the database says
}
_LIBPQ_DRIVERS = ("psycopg", "psycopg2")


def engine_arguments(url: str) -> dict[str, Any]:
    """Return the arguments of SQLAlchemy's engine for a server."""
    parts = parsed(url)
    try:
        driver = parts.get_dialect().driver
    except (ImportError, NoSuchModuleError):
        return {}  # opening it reports that
    if not is_postgres(url) or driver not in _LIBPQ_DRIVERS:
        return {}
    given = {name: value for name, value in _LIBPQ_DEFAULTS.items() if name not in parts.query}
    return {"connect_args": given}


@contextmanager
def connected(url: str) -> Iterator[sqlalchemy.Connection]:
    """Connect to a server for the block; every statement is a transaction of its own.

    Raises:
        ConfigError: If the address cannot be used, or its driver is not installed.
        StorageError: In place of SQLAlchemy's errors, those in the block too.
    """
    with database_errors(url), opening_errors(url):
        connection = connect(url)
        try:
            yield connection
        finally:
            connection.close()


def connect(url: str) -> sqlalchemy.Connection:
    """Return a new connection, which commits every statement.

    Raises:
        SQLAlchemyError: If the server cannot be reached.
        ImportError: If the driver is not installed.
    """
    engine = sqlalchemy.create_engine(
        server_address(url),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        **engine_arguments(url),
    )
    return engine.connect()
