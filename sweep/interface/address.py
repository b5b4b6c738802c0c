"""The address of a database as Python gives it."""

import os
from pathlib import Path

from fieldsharp.core.secret_variables import STORAGE_VARIABLE
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.url import DEFAULT_URL, sqlite_path


def storage_address(given: str | os.PathLike[str] | None) -> str:
    """Return the address of a database; that of a file does not depend on the working folder."""
    if given is None:
        given = os.environ.get(STORAGE_VARIABLE) or DEFAULT_URL
    address = given if isinstance(given, str) else f"sqlite:///{os.fspath(given)}"
    path = sqlite_path(address)
    return address if path is None else f"sqlite:///{Path.cwd() / path}"


def address_in_short(url: str) -> str:
    """Return an address for people: without a password, a file below the working folder by name."""
    path = sqlite_path(url)
    if path is not None and path.is_relative_to(Path.cwd()):
        return f"sqlite:///{path.relative_to(Path.cwd())}"
    return mask_password(url)
