"""Files of this user alone, written whole or not at all.

A folder or file made here is closed to everybody else (0700, 0600): a checkpoint or a database
holds a person's data, and a file another user could write would be loaded by the next start.
"""

import os
from contextlib import suppress
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600
TO_SEND_ON = 0o666
"""The usual mode, from which the user's mask takes what it takes."""
_PARTIAL = ".partial"


def partial_path(target: Path) -> Path:
    """Return where this process prepares what will stand at ``target``."""
    return target.with_name(f".{target.name}.{os.getpid()}{_PARTIAL}")


def make_private_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder of this user alone; one that is there is left.

    Args:
        folder: Which.
        parents: Whether the folders above it are made too.

    Raises:
        OSError: If it cannot be made.
    """
    chain = (folder, *folder.parents) if parents else (folder,)
    missing = [path for path in chain if not path.exists()]
    for path in reversed(missing):
        with suppress(FileExistsError):  # made by another process just now
            path.mkdir(mode=FOLDER_MODE)


def make_private_file(path: Path) -> None:
    """Make an empty file of this user alone; one that is there is left.

    Raises:
        OSError: If it cannot be made.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))


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
        # In a folder of others a link may stand under a name that can be guessed.
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(partial, flags, mode)
        with os.fdopen(descriptor, "wb") as file:
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
    mode = target.stat().st_mode & 0o777 if target.exists() else TO_SEND_ON
    write_durably(target, content, mode)


def remove_partial_files(folder: Path) -> None:
    """Remove what writers left that were killed while they wrote; only where nobody writes."""
    for path in folder.glob(f".*{_PARTIAL}"):
        with suppress(OSError):
            path.unlink()


def synchronise(path: Path) -> None:
    """Make durable what a file holds, or which files a folder holds.

    Never of a database in use, see ``storage.sqlite_file``; its log may be.

    Raises:
        OSError: If it is not there, or the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
