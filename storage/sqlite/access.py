"""Whether the path of a database can be used, checked before anything is opened."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Literal

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.partial_file import LONGEST_ADDITION
from fieldsharp.storage.location.paths import check_files_folder
from fieldsharp.storage.sqlite.file import can_be_written, sidecar_files, size_of

LONGEST_PATH = 504
"""Of a file that SQLite opens, in bytes: 512 with the suffix of its journal."""


def check_access(path: Path, mode: Literal["read", "write"]) -> None:
    """Check that a database can be opened or made at a path, without changing anything.

    Raises:
        ConfigError: If it is no file, cannot be read (read) or written (write), or the folder next
            to it may not be used, see ``check_files_folder``.
    """
    check_files_folder(f"sqlite:///{path}", mode)
    exists = path.exists()
    if path.is_symlink() and not exists and Path(os.path.realpath(path)).is_symlink():
        raise ConfigError(f"storage {path} is a link that leads to itself; name a file")
    if exists and not path.is_file():
        raise ConfigError(f"storage {path} is no file; name a file, such as sweeps.db")
    if exists and not os.access(path, os.R_OK):
        raise ConfigError(
            f"storage {path} cannot be read (it belongs to another user); "
            "have its owner allow it, or choose another with --storage"
        )
    if mode == "write":
        _check_writable(path, exists=exists)
    elif exists:
        _check_log_readable(path)


def _check_writable(path: Path, *, exists: bool) -> None:
    if exists and not os.access(path, os.W_OK):
        raise ConfigError(f"storage {path} cannot be written; choose another with --storage")
    if not exists:
        _check_length(path)
    folder = path.resolve().parent
    try:
        # Permissions do not suffice: a file system may take no files.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if exists and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return  # SQLite reports it when it writes, and the disk may have space again by then
        if exists:
            raise ConfigError(
                f"storage {path} stands in a folder that takes no files ({error.strerror}), and "
                f"SQLite keeps its log beside it; make {folder} writable, or choose another with "
                "--storage"
            ) from error
        raise ConfigError(
            f"storage {path} cannot be made ({error.strerror}); "
            "choose a folder that exists and can be written"
        ) from error


def _check_length(path: Path) -> None:
    """Check that SQLite can open a new database, and a backup of it, which has the longest path."""
    real = os.path.realpath(path)
    backup = f"{real}.files/backups/{path.stem}.000001.db"
    too_many = len(os.fsencode(backup)) + LONGEST_ADDITION - LONGEST_PATH
    if too_many > 0:
        raise ConfigError(
            f"storage {path} is {len(os.fsencode(real))} bytes long with its folders, {too_many} "
            "more than SQLite can open with its backups; choose a shorter path with --storage"
        )


def _check_log_readable(path: Path) -> None:
    log, index, _ = sidecar_files(path)
    if size_of(log) > 0 and not index.exists() and not can_be_written(path):
        raise ConfigError(
            f"storage {path} has changes in {log.name} that can only be read where files can be "
            f"made; copy both into a folder that can be written, and name the copy with --storage"
        )
