"""Waiting for a database that cannot be reached or written at the moment."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from fieldsharp.core.errors import StorageUnavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 3.0
BUSY_TIMEOUT_S = 2.0
"""How long SQLite itself waits for another's transaction; after that our patience does, which hears
a stop."""
AFTER_A_STOP_S = 3.0
"""How long a stop waits for the database: whoever asked for it waits too."""


class DatabaseRetry:
    """Tries again, with growing pauses, what failed because the database was unavailable.

    What is tried must be such that trying it again after it half succeeded does no harm.

    Args:
        limit_s: How long to go on trying.
        stopping: Whether the program was asked to stop: then it is tried only a moment longer.
        clock: Seconds that never run backwards.
        sleep: How to wait.
    """

    def __init__(
        self,
        limit_s: float,
        stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit_s = limit_s
        self.stopping = stopping
        self._clock = clock
        self._sleep = sleep

    def give_up(self) -> None:
        """Try every call once from now on: it was waited for long enough."""
        self._limit_s = 0.0

    def call(self, what: Callable[[], T]) -> T:
        """Return what a call returns, once it succeeds.

        Raises:
            StorageUnavailable: If it did not for as long as is allowed.
        """
        began: float | None = None
        stopped: float | None = None
        delay_s = FIRST_DELAY_S
        while True:
            try:
                result = what()
            except StorageUnavailable as error:
                now = self._clock()
                if began is None:
                    began = now
                    if self._limit_s > 0:
                        logger.warning(
                            "%s: it is waited for, for up to %.0f s", error.found, self._limit_s
                        )
                if stopped is None and self.stopping():
                    stopped = now
                if now - began >= self._limit_s or (
                    stopped is not None and now - stopped >= AFTER_A_STOP_S
                ):
                    raise
            else:
                if began is not None:
                    logger.warning("the database answers again after %.0f s", self._clock() - began)
                return result
            # Not all at the same moments as another that waits for the same lock.
            self._sleep(delay_s * random.uniform(0.5, 1.0))
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)
