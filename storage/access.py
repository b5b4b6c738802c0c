"""Whether the place of a database can be used, before anything is opened there."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Literal

from fields.errors import ConfigError
from storage.owned_folders import check_files_folder
from storage.sqlite_file import beside, can_be_written, size_of


def check_access(path: Path, mode: Literal["read", "write"]) -> None:
    """Check that a database can be at a path, with the folder beside it; leaves nothing behind.

    Raises:
        ConfigError: If there is something else, it cannot be read (read) or written (write), or the
            folder beside it may not be used, see ``storage.owned_folders``.
    """
    check_files_folder(f"sqlite:///{path}", mode)
    there = path.exists()
    if there and not path.is_file():
        raise ConfigError(f"storage {path} is no file; name a file, such as sweeps.db")
    if there and not os.access(path, os.R_OK):
        raise ConfigError(
            f"storage {path} cannot be read (it belongs to another user); "
            "have its owner allow it, or choose another with --storage"
        )
    if mode == "write":
        _check_writable(path, there=there)
    elif there:
        _check_log_readable(path)


def _check_writable(path: Path, *, there: bool) -> None:
    if there and not os.access(path, os.W_OK):
        raise ConfigError(f"storage {path} cannot be written; choose another with --storage")
    folder = path.resolve().parent
    try:
        # Permissions alone do not tell: a folder may be of a file system that takes no files.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if there and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return  # SQLite says so when it writes, and there may be space again by then
        if there:
            raise ConfigError(
                f"storage {path} stands in a folder that takes no files ({error.strerror}), and "
                f"SQLite keeps its log beside it; make {folder} writable, or choose another with "
                "--storage"
            ) from error
        raise ConfigError(
            f"storage {path} cannot be made ({error.strerror}); "
            "choose a folder that exists and can be written"
        ) from error


def _check_log_readable(path: Path) -> None:
    log, index, _ = beside(path)
    if size_of(log) > 0 and not index.exists() and not can_be_written(path):
        raise ConfigError(
            f"storage {path} has changes in {log.name} that can only be read where files can be "
            f"made; copy both into a folder that can be written, and name the copy with --storage"
        )
