"""Storage addresses: checked, and never shown with a password."""

import re
from pathlib import Path

from fields.errors import ConfigError

DEFAULT_URL = "sqlite:///sweeps.db"
# Up to the last @ of the word: an @ that should have been written %40 is part of the password.
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):([^@]*(?:@\S*)?)@")


_QUERY_PASSWORD = re.compile(r"(?<=[?&]password=)[^&\s]+")


def mask_password(text: str) -> str:
    """Return the text with the password of every address in it replaced by ``***``."""
    text = _QUERY_PASSWORD.sub("***", text)
    return _PASSWORD.sub(r"\1:***@", text)


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite address, None for another database.

    Raises:
        ConfigError: If the address is no database address, or names a database in memory.
    """
    if "://" not in url:
        raise ConfigError(
            f"storage {mask_password(url)!r} is no database address; "
            f"for a file write sqlite:///{url if url.endswith('.db') else 'sweeps.db'}"
        )
    scheme, _, rest = url.partition("://")
    if not scheme.startswith("sqlite"):
        return None
    path = rest.removeprefix("/").partition("?")[0]
    if path in ("", ":memory:"):
        raise ConfigError(
            "storage is an SQLite database in memory, which no other command could read; "
            "name a file, such as sqlite:///sweeps.db"
        )
    if not rest.startswith("/"):
        raise ConfigError(
            f"storage {url!r} names a file after two slashes where three are needed; "
            f"write sqlite:///{path}"
        )
    return Path(path)
