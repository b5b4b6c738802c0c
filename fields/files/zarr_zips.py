"""Zarr stores in zip files: only members that are plain files, of sizes that memory holds."""

import stat
import zipfile
from pathlib import Path, PurePosixPath

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import ZipStore

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import require_memory
from fieldsharp.core.printable import printable
from fieldsharp.fields.files.zarr_stores import METADATA, MOST_ARRAYS, MOST_METADATA_BYTES

MOST_MEMBERS = 2_000_000


def require_own_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Check, before any member is read, that an archive holds only files and folders of its own.

    Raises:
        DataError: If it holds a link, a name that leads outside of it, an encrypted file or
            absurdly many arrays.
    """
    members = archive.infolist()
    metadata = sum(member.filename.rpartition("/")[2] in METADATA for member in members)
    if metadata > 2 * MOST_ARRAYS or len(members) > MOST_MEMBERS:
        raise DataError(
            f"the zip file {path} holds more than {MOST_ARRAYS} arrays and groups; write the "
            "variable into a store of its own"
        )
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            problem = "is no regular file"
        elif parts and (parts[0].startswith("/") or ".." in parts):
            problem = "has a name that leads outside of it"
        elif member.flag_bits & 1:
            problem = "is encrypted"
        else:
            continue
        raise DataError(
            f"{printable(member.filename)!r} in the zip file {path} {problem}, and such a file is "
            "refused; write the store again, of its own files alone"
        )


def root_in_zip(path: Path) -> str:
    """Return the folder of the Zarr store in a zip file; "" where it is the whole file."""
    with zipfile.ZipFile(path) as archive:
        require_own_members(path, archive)
        names = archive.namelist()
    folders = [n.rpartition("/")[0] for n in names if n.rpartition("/")[2] in METADATA]
    shortest = min(folders, key=lambda folder: (len(folder), folder), default="")
    others = [
        f for f in folders if f != shortest and not f.startswith(f"{shortest}/" * bool(shortest))
    ]
    if others:
        raise DataError(
            f"the zip file {path} holds several Zarr stores, such as {printable(shortest)} and "
            f"{printable(others[0])}; unpack it with unzip {path} and choose one"
        )
    return shortest


class OwnMembersStore(ZipStore):
    """A read-only store in a zip file that refuses members of absurd size."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="r", read_only=True)

    def _get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        if not self._is_open:
            self._sync_open()
        try:
            size = self._zf.getinfo(key).file_size
        except KeyError:
            return None
        if size > MOST_METADATA_BYTES:
            if key.rpartition("/")[2] in METADATA:
                raise DataError(
                    f"{printable(key)} in {self.path} describes arrays in more than "
                    f"{MOST_METADATA_BYTES >> 20} MiB; write the variable into a store of its own"
                )
            require_memory(size, f"the chunk {printable(key)} in {self.path}")
        return super()._get(key, prototype, byte_range)
