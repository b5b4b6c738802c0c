"""Files that say of themselves whether they are whole.

The first line names what kind of file it is and has the SHA-256 of the rest.
"""

import hashlib
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.location.owned_folders import read_within


def write_checked(path: Path, kind: str, content: bytes) -> None:
    """Write a file of this user alone, whole or not at all, into a folder that is there.

    Args:
        path: Where.
        kind: What it is, with the version of its format.
        content: What it holds.

    Raises:
        OSError: If it cannot be written.
    """
    write_durably(path, _head(kind, content) + b"\n" + content)


def read_checked(path: Path, kind: str) -> bytes | None:
    """Return what a file holds, None where it is of another kind or not whole.

    No link is followed.

    Raises:
        OSError: If it cannot be read.
    """
    head, _, content = read_within(path).partition(b"\n")
    return content if head == _head(kind, content) else None


def _head(kind: str, content: bytes) -> bytes:
    return f"fieldsharp {kind} {hashlib.sha256(content).hexdigest()}".encode()
