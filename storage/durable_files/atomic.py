"""Private files, written whole or not at all, some with a checksum.

A folder or file made here is closed to everybody else (0700, 0600): a checkpoint or a database
holds a person's data, and a file another user could write would be loaded by the next start.

The first line of a checksummed file has its kind and the SHA-256 of the rest.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fieldsharp.core.partial_file import FILE_MODE, USUAL_MODE, open_new, partial_path
from fieldsharp.storage.durable_files.owned_folders import PRIVATE_MODE, refusal
from fieldsharp.storage.durable_files.regular_files import read_within


def make_private_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder of this user alone; an existing one is checked, see ``owned_folders``.

    Raises:
        OSError: If it cannot be made, or may not be used.
    """
    chain = (folder, *folder.parents) if parents else (folder,)
    missing = [path for path in chain if not path.exists()]
    for path in reversed(missing):
        try:
            path.mkdir(mode=PRIVATE_MODE)
        except FileExistsError:  # made by another process just now, or a dangling link
            _require_own(path)
    _require_own(folder)


def _require_own(folder: Path) -> None:
    refused = refusal(folder, {os.geteuid()})
    if refused is not None:
        raise PermissionError(errno.EPERM, refused, str(folder))


def write_durably(path: Path, content: bytes, mode: int = FILE_MODE) -> None:
    """Write a file so that after a crash it is whole, or as before.

    Its folder must exist: it is missing where the writer is too late, which then is an error. The
    mode is limited by the user's own mask.

    Raises:
        OSError: If it cannot be written; nothing half-written is left behind.
    """
    with _whole_partial(path, content, mode) as partial:
        partial.replace(path)
    synchronise(path.parent)


def write_if_missing(path: Path, content: bytes, mode: int = FILE_MODE) -> None:
    """Write a file as ``write_durably`` does; one that another process has just put there is kept.

    Raises:
        OSError: If it cannot be written; nothing half-written is left behind.
    """
    with _whole_partial(path, content, mode) as partial:
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            return
        except OSError:  # of a file system without links
            if not path.exists():
                partial.replace(path)
    synchronise(path.parent)


@contextmanager
def _whole_partial(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Give a durable file next to a path, with the content; removed unless it was renamed."""
    partial = partial_path(path)
    try:
        with os.fdopen(open_new(partial, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        with suppress(OSError):
            partial.unlink()


def write_to_send_on(path: Path, content: bytes) -> None:
    """Write a file that others may read; it replaces an existing one only once it is whole.

    A link stays one, a file keeps its mode, and a device or pipe, such as ``/dev/stdout``, is
    written to directly.

    Raises:
        OSError: If it cannot be written; an existing file is as before.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else USUAL_MODE
    write_durably(target, content, mode)


def remove_partial_files(folder: Path) -> None:
    """Remove unfinished files of writers that were killed; only where nobody writes."""
    for path in folder.glob(".*.partial"):
        with suppress(OSError):
            path.unlink()


def synchronise(path: Path) -> None:
    """Make the content of a file, or the list of files in a folder, durable.

    Never of a database in use, see ``storage.sqlite.file``; its log may be.

    Raises:
        OSError: If it is missing, or the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_checked(path: Path, kind: str, content: bytes) -> None:
    """Write a private file with its checksum, whole or not at all, into an existing folder.

    ``kind`` includes the version of its format.

    Raises:
        OSError: If it cannot be written.
    """
    write_durably(path, _checksum_line(kind, content) + b"\n" + content)


def read_checked(path: Path, kind: str) -> bytes | None:
    """Return the content of a checksummed file, None where it is damaged or of another kind.

    No link is followed.

    Raises:
        OSError: If it cannot be read.
    """
    first_line, _, content = read_within(path).partition(b"\n")
    return content if first_line == _checksum_line(kind, content) else None


def _checksum_line(kind: str, content: bytes) -> bytes:
    return f"fieldsharp {kind} {hashlib.sha256(content).hexdigest()}".encode()
