"""The database and the lock of a study, checked while its trials are trained."""

import time
from collections.abc import Callable

from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.study.unit_of_work import UnitOfWork

CHECK_EVERY_S = 0.5


class DatabaseWatch:
    """Checks database and lock now and then, and removes files once the database replaces them.

    A result in the spool may be removed only once the database file itself holds the trial: a
    commit is in the write-ahead log first, and that may be lost with its file.

    Args:
        work: Writes to the study.
        lock: On the study; None if the caller holds none.
        request_stop: Called for every request to stop that came through the lock.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        work: UnitOfWork,
        lock: StudyLock | None,
        request_stop: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._lock = lock
        self._request_stop = request_stop
        self._clock = clock
        self._checked_at = clock()
        self._removals: list[Callable[[], None]] = []

    def check(self) -> None:
        """Check the files and the lock, unless that was done just before.

        Raises:
            DatabaseDamaged: If the files of the database were removed or replaced.
            StorageUnavailable: If the database does not answer within the patience.
            FieldsharpError: If the lock was removed.
        """
        if self._clock() - self._checked_at < CHECK_EVERY_S:
            return
        self._checked_at = self._clock()
        self._work.check_files()
        if self._removals or not self._work.is_durable:
            self.settle()
        if self._lock is not None:
            for _ in range(self._lock.stop_requested()):
                self._request_stop()
            self._lock.require_held()

    def remove_when_durable(self, remove: Callable[[], None]) -> None:
        """Call a function once everything written so far is durable: at once if it is."""
        self._removals.append(remove)
        self.settle()

    def settle(self) -> None:
        """Make everything durable and do the removals; they wait if a reader prevents it.

        Raises:
            StorageUnavailable: If the database does not answer within the patience.
        """
        if not self._work.make_durable():
            return
        removals, self._removals = self._removals, []
        for remove in removals:
            remove()
