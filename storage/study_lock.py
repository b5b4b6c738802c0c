"""One coordinator per study: an exclusive lock on a file beside the database."""

import json
import os
import platform
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from fields.errors import ConfigError, StudyError
from storage import place
from storage.lock_file import is_held, open_lock_file, take_lock

LOOKING_S = 0.5
"""Whoever looks whether a lock is held holds it for a moment: one that is taken is tried again."""


RESUME = "resume"
CONFIRM = "confirm"


@dataclass(frozen=True)
class Holder:
    """The process that runs a study, or was the last to.

    Attributes:
        pid: Its number; None where the last one ended in good order, or there was none.
        host: The machine it is on.
        alive: Whether it still runs.
        command: What it was started by, and is gone on with: ``resume`` or ``confirm``.
    """

    pid: int | None
    host: str
    alive: bool
    command: str = RESUME

    @property
    def died(self) -> bool:
        """Whether it ended without putting its affairs in order."""
        return self.pid is not None and not self.alive


class StudyLock:
    """Held while a coordinator runs; the system frees it when the process dies, however it dies.

    Use as a context manager. The lock is good for processes of one machine, or for a shared folder
    whose file system locks.
    """

    def __init__(self, url: str, study: str, command: str = RESUME) -> None:
        self.study = study
        self._command = command
        self.path = place.study_lock(url, study)
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            StudyError: If another process holds it, naming its pid.
            ConfigError: If the lock cannot be made.
        """
        file = open_lock_file(self.path)
        if not take_lock(file, LOOKING_S):
            holder = read_holder(file, alive=True)
            file.close()
            raise _is_run(self.study, holder)
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
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the lock. The file stays: removing it would let two processes lock two files."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def study_holder(url: str, study: str) -> Holder:
    """Return which process runs a study, or ran it when it died; changes nothing."""
    path = place.study_lock(url, study)
    try:
        with path.open(encoding="utf-8") as file:
            return read_holder(file, alive=is_held(file))
    except OSError:
        return Holder(None, "", alive=False)


def refuse_if_run(url: str, study: str) -> None:
    """Check, before anything else is looked at, that nobody runs a study.

    Raises:
        StudyError: If a process does, naming its pid.
    """
    holder = study_holder(url, study)
    if holder.alive:
        raise _is_run(study, holder)


def _is_run(study: str, holder: Holder) -> StudyError:
    where = "" if holder.host in ("", platform.node()) else f" on {holder.host}"
    return StudyError(
        f"study {study!r} is being run by process {holder.pid or 'unknown'}{where}; wait for it "
        "to end, stop it with python run_sweep.py stop, or choose another name with --study"
    )


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
