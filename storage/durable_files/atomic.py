"""Files of this user alone, written whole or not at all.

A folder or file made here is closed to everybody else (0700, 0600): a checkpoint or a database
holds a person's data, and a file another user could write would be loaded by the next start.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from fieldsharp.core.partial_file import FILE_MODE, USUAL_MODE, open_new, partial_path
from fieldsharp.storage.location.owned_folders import open_within, refusal

FOLDER_MODE = 0o700


def make_private_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder of this user alone; one that is there is checked, see ``owned_folders``.

    Args:
        folder: Which.
        parents: Whether the folders above it are made too.

    Raises:
        OSError: If it cannot be made, or may not be used.
    """
    chain = (folder, *folder.parents) if parents else (folder,)
    missing = [path for path in chain if not path.exists()]
    for path in reversed(missing):
        try:
            path.mkdir(mode=FOLDER_MODE)
        except FileExistsError:  # made by another process just now, or a link that leads nowhere
            _require_own(path)
    _require_own(folder)


def _require_own(folder: Path) -> None:
    refused = refusal(folder, {os.geteuid()})
    if refused is not None:
        raise PermissionError(errno.EPERM, refused, str(folder))


def make_private_file(path: Path) -> None:
    """Make an empty file of this user alone; one that is there is left.

    Raises:
        OSError: If it cannot be made, or a link or anything but a file is there.
    """
    os.close(open_within(path, os.O_CREAT | os.O_RDWR))


def write_durably(path: Path, content: bytes, mode: int = FILE_MODE) -> None:
    """Write a file so that after a crash it is there whole, or as before.

    Its folder must exist: a writer whose folder was cleared away is late, and is told so.

    Args:
        path: Where.
        content: What it holds.
        mode: Who may read it, as far as the user's own mask allows; by default this user alone.

    Raises:
        OSError: If it cannot be written; nothing half-written is left behind.
    """
    partial = partial_path(path)
    try:
        with os.fdopen(open_new(partial, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise
    synchronise(path.parent)


def write_to_send_on(path: Path, content: bytes) -> None:
    """Write a file that others may read, in place of what is there once the new one is whole.

    A link stays one, a file keeps its mode, and what is no file, such as ``/dev/stdout``, is
    written to as it is.

    Raises:
        OSError: If it cannot be written; what was there is as before.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else USUAL_MODE
    write_durably(target, content, mode)


def remove_partial_files(folder: Path) -> None:
    """Remove what writers left that were killed while they wrote; only where nobody writes."""
    for path in folder.glob(".*.partial"):
        with suppress(OSError):
            path.unlink()


def synchronise(path: Path) -> None:
    """Make durable what a file holds, or which files a folder holds.

    Never of a database in use, see ``storage.sqlite.file``; its log may be.

    Raises:
        OSError: If it is not there, or the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
