"""Storage addresses: checked, and never shown with a password."""

import re
import shlex
from pathlib import Path
from urllib.parse import unquote, unquote_plus

from fields.errors import ConfigError

SHORTEST_KNOWN = 4
SERVER_EXAMPLE = "postgresql+psycopg://ann@db.example/sweeps"
DEFAULT_URL = "sqlite:///sweeps.db"
# Up to the last @ of the word: an @ that should have been written %40 is part of the password.
_PASSWORD = re.compile(r"(?<=://)([^:/@\n]*):([^@\n]*(?:@\S*)?)@")
# The same where the whole address is the value of another's parameter.
_ENCODED_PASSWORD = re.compile(r"(?i)(?<=%3a%2f%2f)((?:(?!%3a|%2f|%40)[^\s&])*)%3a[^\s&]*?%40")
# password=..., as a parameter, in a libpq string (values in quotes may hold spaces), in a dict.
_NAMED_SECRET = re.compile(
    r"""(?ix)
    (?P<name> (?: (?<![a-z]) | (?<=%3b) | (?<=%26) ) (?:ssl|pg)?
        (?:password|passwd|pwd|passphrase|secret|token|(?:access|auth|api)_?(?:token|key)) )
    (?P<is> ["']? \s* (?: = | %3d | (?<=["']):) \s* | ["']\s*:\s* )
    (?P<value> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" | (?: (?!%3b|%26) [^\s&;,'"{}()] )+ )
    """
)


def mask_password(text: str) -> str:
    """Return the text with the password of every address in it replaced by ``***``."""
    text = _NAMED_SECRET.sub(r"\g<name>\g<is>***", text)
    text = _ENCODED_PASSWORD.sub(r"\1%3A***%40", text)
    return _PASSWORD.sub(r"\1:***@", text)


def as_option(url: str) -> str:
    """Return the option that names a database in a command to type.

    It is empty for the default, and for an address with a password: that is not typed, but in the
    environment already.
    """
    is_known = url == DEFAULT_URL or mask_password(url) != url
    return "" if is_known else f" --storage {shlex.quote(url)}"


def passwords_in(url: str) -> tuple[str, ...]:
    """Return the passwords of an address as they may turn up elsewhere: as written, and decoded.

    A library may say in a message what it took out of the address, and then nothing shows that it
    is a password. One of three characters or fewer is left out: it would stand in any text.
    """
    written = [match[2] for match in _PASSWORD.finditer(url)]
    written += [match["value"].strip("'\"") for match in _NAMED_SECRET.finditer(url)]
    forms = {form for text in written for form in (text, unquote(text), unquote_plus(text))}
    return tuple(sorted((f for f in forms if len(f) >= SHORTEST_KNOWN), key=len, reverse=True))


def is_postgres(url: str) -> bool:
    """Return whether a database is on a PostgreSQL server."""
    return url.partition("://")[0].partition("+")[0] == "postgresql"


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite address, None for another database.

    Raises:
        ConfigError: If the address is no database address, or names a database in memory.
    """
    if "://" not in url:
        _login, at, rest = url.rpartition("@")
        if at:  # nothing says where in it a password is
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
