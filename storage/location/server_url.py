"""Addresses of databases on a server.

The address may end in ``?files=/folder``, the folder of its studies' files, see
``storage.location.paths``. That part is this program's own, and is not sent to the server.
"""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.url import SERVER_EXAMPLE

FILES = "files"


def parsed(url: str) -> URL:
    """Return the parts of an address.

    Raises:
        ConfigError: If it is none.
    """
    try:
        parts = make_url(url)
        login = f"{parts.username or ''}:{parts.password or ''}"
        # The text after a bare @ in a password would be shown as the host.
        has_bare_at = "@" in (parts.host or "") or mask_password(login) != login
        if parts.get_backend_name() == "postgres" or has_bare_at:
            raise ValueError
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            f"storage {mask_password(url)} is no database address; write it as {SERVER_EXAMPLE}, "
            "with special characters of a password percent-encoded (@ as %40)"
        ) from error
    return parts


def server_address(url: str) -> str:
    """Return an address as its driver understands it: without this program's own parameter.

    Braces are percent-encoded, because Optuna replaces text in them.
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
