"""What may be removed only once the database file itself holds what replaces it."""

import logging
import time
from collections.abc import Callable

from fieldsharp.sweep.study.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)
TRY_EVERY_S = 0.5


class DurableRemoval:
    """Has what was written made durable, and then removes what was kept in case it would be lost.

    Args:
        book: The study that is written to.
        clock: Seconds that never run backwards.
    """

    def __init__(self, book: UnitOfWork, clock: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._clock = clock
        self._tried_at = clock()
        self._removals: list[Callable[[], None]] = []

    def then(self, remove: Callable[[], None]) -> None:
        """Remove something once all that was written so far is durable: at once, if that works."""
        self._removals.append(remove)
        self.settle()

    def look(self) -> None:
        """Check the files of the database, and try again what a reader kept back, now and then.

        Raises:
            DatabaseDamaged: If the files were removed or replaced.
            StorageUnavailable: If the database does not answer for longer than is waited for.
        """
        if self._clock() - self._tried_at < TRY_EVERY_S:
            return
        self._tried_at = self._clock()
        self._book.check_files()
        if self._removals or not self._book.is_durable:
            self.settle()

    def settle(self) -> None:
        """Make everything durable and remove what waited for it; what cannot be waits on.

        Raises:
            StorageUnavailable: If the database does not answer for longer than is waited for.
        """
        if not self._book.make_durable():
            return
        removals, self._removals = self._removals, []
        for remove in removals:
            remove()
