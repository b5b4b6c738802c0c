"""Databases on a server: their addresses, and connections that notice when the server is gone.

The address may end in ``?files=/folder``: where the files of its studies lie, see
``storage.place``. That part is ours, and no server sees it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from fields.errors import ConfigError
from storage.database_errors import database_errors, opening_errors
from storage.url import SERVER_EXAMPLE, is_postgres, mask_password

FILES = "files"
_OF_LIBPQ = {
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


def parsed(url: str) -> URL:
    """Return the parts of an address.

    Raises:
        ConfigError: If it is none.
    """
    try:
        parts = make_url(url)
        if parts.get_backend_name() == "postgres" or _has_bare_at(parts):
            raise ValueError
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            f"storage {mask_password(url)} is no database address; write it as {SERVER_EXAMPLE}, "
            "with special characters of a password percent-encoded (@ as %40)"
        ) from error
    return parts


def _has_bare_at(parts: URL) -> bool:
    """Return whether a password holds an @: the rest of it would be shown as the host."""
    before = f"{parts.username or ''}:{parts.password or ''}"
    return "@" in (parts.host or "") or mask_password(before) != before


def server_address(url: str) -> str:
    """Return an address as its driver understands it: without what is ours.

    Braces are percent-encoded, because Optuna fills in what stands in them.
    """
    parts = parsed(url)
    if FILES in parts.query:
        url = parts.difference_update_query([FILES]).render_as_string(hide_password=False)
    return url.replace("{", "%7B").replace("}", "%7D")


def named_folder(url: str) -> Path | None:
    """Return the folder an address names for the files of its studies, None if it names none."""
    named = parsed(url).query.get(FILES)
    if isinstance(named, tuple):
        named = named[-1]
    return Path(named).expanduser() if named else None


def engine_arguments(url: str) -> dict[str, Any]:
    """Return what an engine for a server is made with."""
    parts = parsed(url)
    try:
        driver = parts.get_dialect().driver
    except (ImportError, NoSuchModuleError):
        return {}  # who opens it says so
    if not is_postgres(url) or driver not in _LIBPQ_DRIVERS:
        return {}
    given = {name: value for name, value in _OF_LIBPQ.items() if name not in parts.query}
    return {"connect_args": given}


@contextmanager
def connected(url: str) -> Iterator[sqlalchemy.Connection]:
    """Connect to a server for a moment; every statement is a transaction of its own.

    Raises:
        ConfigError: If the address cannot be used, or its driver is not installed.
        StorageError: In place of what SQLAlchemy raises in the block too.
    """
    with database_errors(url), opening_errors(url):
        connection = connect(url)
        try:
            yield connection
        finally:
            connection.close()


def connect(url: str) -> sqlalchemy.Connection:
    """Return a connection of its own, which commits by itself.

    Raises:
        SQLAlchemyError: If there is none.
        ImportError: If the driver is not installed.
    """
    engine = sqlalchemy.create_engine(
        server_address(url),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        **engine_arguments(url),
    )
    return engine.connect()
