"""Files that are locked and hold nothing a database needs."""

from pathlib import Path
from typing import IO

from fields.errors import ConfigError


def open_lock_file(path: Path) -> IO[str]:
    """Open a file to lock, made if it is missing.

    Raises:
        ConfigError: If it cannot be made.
    """
    try:
        return path.open("a+", encoding="ascii")
    except OSError as error:
        raise ConfigError(
            f"cannot make the lock {path} ({error.strerror}); the folder of the database must be "
            "writable"
        ) from error
