"""The lock on a study of an SQLite database: a file beside it."""

import json
import os
import platform
from typing import IO

from fields.errors import ConfigError
from storage import place
from storage.holder import CONFIRM, LOOKING_S, NOBODY, RESUME, Holder, is_run_by
from storage.lock_file import is_held, open_lock_file, open_to_look, take_lock


class StudyLockFile:
    """Held while a coordinator runs; the system frees it when the process dies, however it dies.

    It is good for processes of one machine, or for a shared folder whose file system locks.
    """

    def __init__(self, url: str, study: str, command: str) -> None:
        self._study = study
        self._command = command
        self.path = place.study_lock(url, study)
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            StudyError: If another process holds it, naming its pid.
            ConfigError: If the lock cannot be made.
        """
        file = open_lock_file(self.path)
        if not take_lock(file, LOOKING_S):
            holder = read_holder(file, alive=True)
            file.close()
            raise is_run_by(self._study, holder)
        holder_now = json.dumps(
            {"pid": os.getpid(), "host": platform.node(), "command": self._command}
        )
        try:
            file.truncate(0)
            # Not through the buffer: what a full disk refuses would be tried again by close.
            os.pwrite(file.fileno(), holder_now.encode(), 0)
        except OSError as error:
            file.close()
            raise ConfigError(
                f"cannot write the lock {self.path} ({error.strerror}); its disk must have room"
            ) from error
        self._file = file

    def free(self) -> None:
        """Free the lock. The file stays: removing it would let two processes lock two files."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None

    def check(self, session: object) -> None:
        """Do nothing: what is locked by the system stays locked."""


def holder_by_file(url: str, study: str) -> Holder:
    """Return which process runs a study, or ran it when it died; changes nothing."""
    path = place.study_lock(url, study)
    try:
        with open_to_look(path) as file:
            return read_holder(file, alive=is_held(file))
    except OSError:
        return NOBODY


def read_holder(file: IO[str], *, alive: bool) -> Holder:
    """Return which process the file of a lock names.

    Args:
        file: Of the lock, open.
        alive: Whether the lock is held.
    """
    file.seek(0)
    try:
        found = json.load(file)
        command = CONFIRM if found.get("command") == CONFIRM else RESUME
        return Holder(int(found["pid"]), str(found["host"]), alive, command)
    except (ValueError, KeyError, TypeError):  # empty, or being written just now
        return Holder(None, "", alive)
