"""Zarr stores are refused where they hold links to other files; no link is ever followed."""

import asyncio
import errno
import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.core.buffer.core import default_buffer_prototype
from zarr.storage import LocalStore

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import require_memory

METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")
MOST_METADATA_BYTES = 16 * 2**20
"""Of a single file."""
MOST_ARRAYS = 10_000
"""And groups."""


def require_own_files(root: Path) -> None:
    """Check, before any file is read, that a store holds only regular files and folders.

    Raises:
        DataError: If it holds a link, a pipe or a device, or absurdly many arrays.
    """
    pending, metadata_files = [root], 0
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    raise _no_plain_file(root, Path(entry.path), entry.is_symlink())
                metadata_files += entry.name in METADATA
        if metadata_files > 2 * MOST_ARRAYS:  # two for each in version 2
            raise DataError(
                f"the Zarr store {root} holds more than {MOST_ARRAYS} arrays and groups; write the "
                "variable into a store of its own"
            )


class OwnFilesStore(LocalStore):
    """A read-only local store that refuses, at each access, all but its own regular files.

    A link that is put into the store while it is read is refused as well.
    """

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the bytes of a file; None where there is none.

        Raises:
            DataError: If it is reached over a link, is no plain file, or too large.
        """
        content = _content(self.root, key, byte_range)
        make = (prototype or default_buffer_prototype()).buffer.from_bytes
        return None if content is None else make(content)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the bytes of a file, see ``get_sync``."""
        return await asyncio.to_thread(
            self.get_sync, key, prototype=prototype, byte_range=byte_range
        )

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of several files, see ``get_sync``."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]


def _content(root: Path, key: str, byte_range: ByteRequest | None) -> bytes | None:
    try:
        descriptor = _open_own(root, key)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise
        raise _no_plain_file(root, root / key, error.errno == errno.ELOOP) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            return None
        if not stat.S_ISREG(status.st_mode):
            raise _no_plain_file(root, root / key, is_link=False)
        if key.rpartition("/")[2] in METADATA and status.st_size > MOST_METADATA_BYTES:
            raise DataError(
                f"{root / key} describes arrays in more than {MOST_METADATA_BYTES >> 20} MiB; "
                "write the variable into a store of its own"
            )
        first, last = _range_in(byte_range, status.st_size)
        if last - first > MOST_METADATA_BYTES:
            require_memory(last - first, f"the chunk {root / key}")
        file.seek(first)
        return file.read(last - first)


def _open_own(root: Path, key: str) -> int:
    """Open a file below ``root``, never over a link, and without waiting for a pipe's writer.

    No ``O_DIRECTORY`` on the way: with it a link is reported as "not a directory", as if missing.
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise DataError(
            f"the Zarr store {root} names {key!r}, which is outside of it; write a store that "
            "names its own files alone"
        )
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)


def _range_in(byte_range: ByteRequest | None, size: int) -> tuple[int, int]:
    match byte_range:
        case RangeByteRequest(start, end):
            return start, min(end, size)
        case OffsetByteRequest(offset):
            return offset, size
        case SuffixByteRequest(suffix):
            return max(0, size - suffix), size
    return 0, size


def _no_plain_file(root: Path, path: Path, is_link: bool) -> DataError:
    name = path.relative_to(root)
    if not is_link:
        return DataError(
            f"{str(name)!r} in the Zarr store {root} is no regular file; remove it, or write the "
            "store again"
        )
    copy = shlex.join(["cp", "-rL", str(root), f"{root.stem}_whole{root.suffix}"])
    return DataError(
        f"{str(name)!r} in the Zarr store {root} is a link, and a store that reads other files is "
        f"refused; if you trust it, copy what it leads to with {copy}"
    )
