"""Addresses of databases: which kind, which file, and how a command names them."""

import os
import re
import shlex
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.partial_file import LONGEST_ADDITION
from fieldsharp.storage.location.passwords import has_password, mask_password

LONGEST_FOLDER = 255
LONGEST_FILE = LONGEST_FOLDER - LONGEST_ADDITION - len("-journal")
"""In bytes; temporary files and files next to a database have longer names."""
SERVER_EXAMPLE = "postgresql+psycopg://ann@db.example/sweeps"
DEFAULT_URL = "sqlite:///sweeps.db"
_SQLITE_SCHEMES = ("sqlite", "sqlite+pysqlite")
_PARAMETERS = re.compile(r"\w+=[^&/]*(?:&\w+=[^&/]*)*")
# Accepted after the path of an SQLite file; the program sets its own values.
_WITHOUT_EFFECT = {
    *("timeout", "check_same_thread", "cached_statements", "detect_types", "isolation_level")
}
_ENCODED = {character: f"%{ord(character):02X}" for character in "%?{}"}


def as_option(url: str) -> str:
    """Return the option that names a database in a command to type.

    It is empty for the default, and for an address with a password: that is not typed, but in the
    environment already.
    """
    is_known = url == DEFAULT_URL or has_password(url)
    return "" if is_known else f" --storage {shlex.quote(url)}"


def is_postgres(url: str) -> bool:
    """Return whether a database is on a PostgreSQL server."""
    return url.partition("://")[0].partition("+")[0] == "postgresql"


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite address, None for another database.

    The text after ``sqlite:///`` is the path itself: nothing is decoded or expanded.

    Raises:
        ConfigError: If the address is no database address, or names a database in memory.
    """
    if "://" not in url:
        _login, at, rest = url.rpartition("@")
        if at:  # its password could be anywhere in it
            raise ConfigError(
                f"storage {'***@' + mask_password(rest)!r} is no database address; for a server "
                f"write {SERVER_EXAMPLE}"
            )
        raise ConfigError(
            f"storage {mask_password(url)!r} is no database address; "
            f"for a file write sqlite:///{url if url.endswith('.db') else 'sweeps.db'}"
        )
    scheme, _, rest = url.partition("://")
    if not scheme.startswith("sqlite"):
        return None
    name, given = _parameters_apart(rest.removeprefix("/"))
    if name in ("", ":memory:"):
        raise ConfigError(
            "storage is an SQLite database in memory, which no other command could read; "
            "name a file, such as sqlite:///sweeps.db"
        )
    if not rest.startswith("/"):
        raise ConfigError(
            f"storage {url!r} names a file after two slashes where three are needed; "
            f"write sqlite:///{name}"
        )
    if name.startswith("file:"):
        raise ConfigError(
            f"storage {url!r} names a URI where a path is needed; write "
            f"sqlite:///{name.removeprefix('file:') or 'sweeps.db'}"
        )
    if scheme not in _SQLITE_SCHEMES or not given <= _WITHOUT_EFFECT:
        raise ConfigError(
            f"storage {url!r} asks for a driver or a parameter that no database here has; "
            f"write {shlex.quote(f'sqlite:///{name}')}"
        )
    if name.endswith("/"):
        raise ConfigError(f"storage {url!r} names a folder; name a file in it: {url}sweeps.db")
    path = Path(name)
    lengths = [len(os.fsencode(part)) for part in path.parts or (".",)]
    if max(lengths) > LONGEST_FOLDER or lengths[-1] > LONGEST_FILE:
        raise ConfigError(
            f"storage {url!r} has a name of {max(lengths)} bytes; choose one of at most "
            f"{LONGEST_FILE}"
        )
    return path


def sqlalchemy_address(path: Path) -> str:
    """Return the address by which Optuna and SQLAlchemy open exactly this SQLite file.

    SQLAlchemy decodes percent-encoded characters and begins the parameters at the first question
    mark; Optuna replaces text in braces.
    """
    return "sqlite:///" + "".join(_ENCODED.get(character, character) for character in str(path))


def _parameters_apart(text: str) -> tuple[str, set[str]]:
    """Return the path in an SQLite address and the names of the parameters after it.

    A question mark is part of the path unless ``name=value`` follows and no further slash.
    """
    name, _, last = text.rpartition("?")
    if not _PARAMETERS.fullmatch(last) or not name:
        return text, set()
    return name, {parameter.partition("=")[0] for parameter in last.split("&")}
