"""The lock on a study of an SQLite database: a file next to it, and a byte of the database itself.

The file names its holder and serves databases that are not made yet. The byte (see
``storage.sqlite.inode_locks``) also holds under another name of the database, and when the lock
file is removed.
"""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import replace
from typing import IO

from fieldsharp.core.errors import BadInput, ConfigError, FieldsharpError, StudyError
from fieldsharp.storage.durable_files.file_lock import (
    is_held,
    open_lock_file,
    open_lock_to_read,
    take_lock,
)
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.location import paths
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.lock_owner import (
    CONFIRM,
    LOCK_WAIT_S,
    NO_OWNER,
    RESUME,
    LockOwner,
    already_running,
    own_identity,
)
from fieldsharp.storage.sqlite.file import file_identity
from fieldsharp.storage.sqlite.inode_locks import is_study_locked, lock_study
from fieldsharp.storage.sqlite.single_name import require_single_name
from fieldsharp.storage.stop_request import take_request, withdraw_request


class SqliteStudyLock:
    """Held while a coordinator runs; the system frees it when the process dies, however it dies.

    It works between processes of one machine, or for a shared folder whose file system locks.
    """

    def __init__(self, url: str, study: str, command: str) -> None:
        self._study = study
        self._command = command
        self._url = url
        self._database = sqlite_path(url)
        self.path = paths.study_lock(url, study)
        self._request = paths.stop_request(url, study)
        self._identity = own_identity()
        self._file: IO[str] | None = None
        self._free_byte: Callable[[], None] | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            StudyError: If another process holds it, naming its pid.
            ConfigError: If the lock cannot be made.
        """
        file = open_lock_file(self.path)
        if not take_lock(file, LOCK_WAIT_S):
            owner = read_lock_owner(file, alive=True)
            file.close()
            raise already_running(self._study, owner)
        try:
            self.take_in_database()
        except BadInput:
            file.close()
            raise
        holder = {"pid": os.getpid(), "host": platform.node(), "command": self._command}
        content = json.dumps({**holder, "identity": self._identity})
        withdraw_request(self._request)  # one for an earlier holder
        try:
            file.truncate(0)
            # Unbuffered: closing the file would repeat a write that a full disk refused.
            os.pwrite(file.fileno(), content.encode(), 0)
        except OSError as error:
            file.close()
            self._free_in_database()
            raise ConfigError(
                f"cannot write the lock {self.path} ({error.strerror}); its disk must have room"
            ) from error
        self._file = file

    def take_in_database(self) -> None:
        """Take the lock in the database file too, once that exists.

        Raises:
            StudyError: If another process holds it, whose lock file was removed.
            ConfigError: If the database is in use through another of its names.
        """
        if self._database is None or self._free_byte is not None or not self._database.exists():
            return
        require_single_name(self._url, self._database)
        self._free_byte = lock_study(self._database, self._study)
        if self._free_byte is None:
            raise StudyError(
                f"study {self._study!r} is being run by a process whose lock {self.path} was "
                "removed; that process notices it and ends within seconds, then run the same "
                "command again"
            )

    def free(self) -> None:
        """Free the lock. The file stays: removing it would let two processes lock two files."""
        self._free_in_database()
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None

    def check(self, session: object) -> None:
        """Do nothing: the system keeps the lock as long as the process runs."""

    def require_held(self) -> None:
        """Check that the lock file is still the one that is locked.

        Raises:
            FieldsharpError: If it was removed or replaced: another process can lock another file.
        """
        if self._file is None:
            return
        locked = os.fstat(self._file.fileno())
        try:
            current = file_identity(self.path)
        except OSError:
            return  # the disk does not answer: nothing is known
        if current != (locked.st_dev, locked.st_ino):
            raise FieldsharpError(
                f"the lock {self.path} of study {self._study!r} was removed while the study was "
                "being run; what was finished is in the database; "
                f"{resume_hint(self._url, self._command, self._study)}"
            )

    def stop_requested(self) -> int:
        """Return how urgently the coordinator is asked to stop: 0 not, 1 after the epoch, 2 now."""
        return take_request(self._request, self._identity)

    def _free_in_database(self) -> None:
        if self._free_byte is not None:
            self._free_byte()
            self._free_byte = None


def lock_owner_by_file(url: str, study: str) -> LockOwner:
    """Return which process runs a study, or ran it when it died; changes nothing."""
    path = paths.study_lock(url, study)
    database = sqlite_path(url)
    try:
        with open_lock_to_read(path) as file:
            owner = read_lock_owner(file, alive=is_held(file))
    except OSError:
        owner = NO_OWNER
    if owner.alive or database is None:
        return owner
    # Last: a holder that ends frees the byte before the file.
    return replace(owner, alive=is_study_locked(database, study))


def read_lock_owner(file: IO[str], *, alive: bool) -> LockOwner:
    """Return the process that an open lock file names; it is alive where the lock is held."""
    file.seek(0)
    try:
        content = json.load(file)
        command = CONFIRM if content.get("command") == CONFIRM else RESUME
        identity = str(content.get("identity", ""))
        return LockOwner(int(content["pid"]), str(content["host"]), alive, command, identity)
    except (ValueError, KeyError, TypeError, AttributeError):  # empty, or being written just now
        return LockOwner(None, "", alive)
