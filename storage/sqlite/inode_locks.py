"""Locks on bytes of a database file, which hold by whatever name the file is opened.

One file can have several names: hard links, or a bind mount of the file alone. SQLite keeps the
write-ahead log beside the *name*, so two writers through two names would write two logs for one
file and destroy it. And a lock file beside the database is lost when its folder is removed. So a
writer also locks single bytes of the database file, far behind any data:

    name bytes    a shared lock on the byte of the name it uses; no other name byte may be locked
    study bytes   an exclusive lock on the byte of the study it runs

These are the open file description locks of Linux (fcntl(2), F_OFD_SETLK). They hold between all
processes and containers of one kernel, do not meet SQLite's own POSIX locks, and end with the
process. Where the system or the file system has none, the lock files alone are left.
"""

import errno
import fcntl
import hashlib
import json
import os
import platform
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.storage.sqlite.file import open_descriptor

_NAMES = 1 << 60
_STUDIES = 1 << 61
_SIZE = 1 << 40
_FLOCK = "hhqqi4x"
"""struct flock of 64-bit Linux: kind, whence, start, length, pid."""
_WRITER = "user.fieldsharp.writer"
"""Extended attribute of the database file: the name and the process of its latest writer."""
_MOST_BYTES = 10_000
_TRY_FOR_S = 0.5
_TRY_EVERY_S = 0.02
_CHECKS = 3


@dataclass(frozen=True)
class Writer:
    """A process that writes to a database file.

    Attributes:
        name: The path it uses, "" where that is unknown.
        process: Its number, with its machine where that is another; "" where that is unknown.
    """

    name: str = ""
    process: str = ""


def lock_name(path: Path) -> Writer | None:
    """Lock the name by which this process writes to a database, until the process ends.

    Returns:
        The process that writes to the same file through another name; the name is then not locked.
        None where none does.
    """
    real = path.resolve()
    byte = _name_byte(real)
    deadline = time.monotonic() + _TRY_FOR_S
    while True:
        try:
            descriptor = open_descriptor(real, writable=True)
            _set(descriptor, fcntl.F_RDLCK, byte)
            # Locked first, checked second: of two processes at once each sees the other.
            if not _other_name_is_locked(descriptor, byte):
                _save_writer(descriptor, real)
                return None
            _set(descriptor, fcntl.F_UNLCK, byte)
        except OSError:
            return None
        if time.monotonic() > deadline:
            return _saved_writer(descriptor)
        time.sleep(_TRY_EVERY_S)


def writer_through_another_name(path: Path) -> Writer | None:
    """Return the process that writes to a database through another name, None where none does."""
    real = path.resolve()
    try:
        descriptor, byte = open_descriptor(real, writable=False), _name_byte(real)
        # More than once: a writer that is being refused locks its name for a moment.
        for _ in range(_CHECKS):
            if not _other_name_is_locked(descriptor, byte):
                return None
            time.sleep(_TRY_EVERY_S / _CHECKS)
        return _saved_writer(descriptor)
    except OSError:
        return None


def lock_study(path: Path, study: str) -> Callable[[], None] | None:
    """Lock a study of a database for this process.

    Returns:
        A function that frees it; None where another process has it.
    """
    byte = _STUDIES + _digest(study)
    try:
        descriptor = open_descriptor(path.resolve(), writable=True)
        _set(descriptor, fcntl.F_WRLCK, byte)
    except OSError as error:
        is_taken = error.errno in (errno.EAGAIN, errno.EACCES)
        return None if is_taken else lambda: None
    return lambda: _set(descriptor, fcntl.F_UNLCK, byte)


def is_study_locked(path: Path, study: str | None = None) -> bool:
    """Return whether another process has the lock of a study, or of any if ``study`` is None."""
    start, length = (_STUDIES, _SIZE) if study is None else (_STUDIES + _digest(study), 1)
    try:
        return is_locked(open_descriptor(path.resolve(), writable=False), start, length)
    except OSError:
        return False


def _name_byte(real: Path) -> int:
    folder = real.parent.stat()
    return _NAMES + _digest(f"{folder.st_dev}:{folder.st_ino}:{real.name}")


def _digest(text: str) -> int:
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:5], "big")


def _other_name_is_locked(descriptor: int, byte: int) -> bool:
    before, after = byte - _NAMES, _NAMES + _SIZE - byte - 1
    return (before > 0 and is_locked(descriptor, _NAMES, before)) or (
        after > 0 and is_locked(descriptor, byte + 1, after)
    )


def _set(descriptor: int, kind: int, byte: int) -> None:
    _fcntl(descriptor, "F_OFD_SETLK", kind, byte, 1)


def is_locked(descriptor: int, start: int, length: int, command: str = "F_OFD_GETLK") -> bool:
    """Return whether another lock is in a range of a file.

    With ``F_OFD_GETLK`` that of another open file, also of this process; with ``F_GETLK`` that of
    another process.

    Raises:
        OSError: If the system has no such locks.
    """
    found = _fcntl(descriptor, command, fcntl.F_WRLCK, start, length)
    return bool(struct.unpack(_FLOCK, found)[0] != fcntl.F_UNLCK)


def _fcntl(descriptor: int, command: str, kind: int, start: int, length: int) -> bytes:
    number = getattr(fcntl, command, None)
    if number is None or struct.calcsize("P") != 8 or platform.system() != "Linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    request = struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)
    return fcntl.fcntl(descriptor, number, request)


def _save_writer(descriptor: int, real: Path) -> None:
    writer = {"name": os.fsencode(real).decode(errors="replace"), "pid": os.getpid()}
    try:
        content = json.dumps(writer | {"host": platform.node()}).encode()
        os.setxattr(descriptor, _WRITER, content)
    except (OSError, AttributeError):
        return  # a file system without attributes: an error will not name the writer


def _saved_writer(descriptor: int) -> Writer:
    try:
        content = os.getxattr(descriptor, _WRITER)[:_MOST_BYTES]
        writer = json.loads(content)
        host = str(writer["host"])
        where = "" if host == platform.node() else f" on {host}"
        return Writer(str(writer["name"]), f"{int(writer['pid'])}{where}")
    except (OSError, AttributeError, ValueError, KeyError, TypeError):
        return Writer()
