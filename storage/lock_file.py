"""Files that are locked, beside the database."""

from pathlib import Path
from typing import IO

from fields.errors import ConfigError
from storage.private_files import make_private_file, make_private_folder


def open_lock_file(path: Path) -> IO[str]:
    """Open a file to lock, made with its folder if it is missing.

    Raises:
        ConfigError: If it cannot be made.
    """
    try:
        make_private_folder(path.parent, parents=False)
        make_private_file(path)
        return path.open("r+", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot make the lock {path} ({error.strerror}); the folder of the database must be "
            "there and writable, or choose another with --storage"
        ) from error
