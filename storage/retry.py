"""Retries calls while the database cannot be reached or written."""

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
"""How long SQLite itself waits for another process's transaction; then ``DatabaseRetry`` retries,
which notices a request to stop."""
RETRY_WHEN_STOPPING_S = 3.0
"""How long a process that was asked to stop still retries."""


class DatabaseRetry:
    """Retries, with growing pauses, calls that failed because the database was unavailable.

    A call must be safe to repeat after it succeeded in part.

    Args:
        limit_s: How long to retry.
        stopping: Returns whether the program was asked to stop: then it retries only a moment
            longer.
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
        """Make every further call once, without retries."""
        self._limit_s = 0.0

    def call(self, function: Callable[[], T]) -> T:
        """Call a function until it succeeds, and return its result.

        Raises:
            StorageUnavailable: If it did not succeed in time.
        """
        first_failure_s: float | None = None
        stop_seen_s: float | None = None
        delay_s = FIRST_DELAY_S
        while True:
            try:
                result = function()
            except StorageUnavailable as error:
                now = self._clock()
                if first_failure_s is None:
                    first_failure_s = now
                    if self._limit_s > 0:
                        logger.warning(
                            "%s: it is waited for, for up to %.0f s", error.found, self._limit_s
                        )
                if stop_seen_s is None and self.stopping():
                    stop_seen_s = now
                if now - first_failure_s >= self._limit_s or (
                    stop_seen_s is not None and now - stop_seen_s >= RETRY_WHEN_STOPPING_S
                ):
                    raise
            else:
                if first_failure_s is not None:
                    waited_s = self._clock() - first_failure_s
                    logger.warning("the database answers again after %.0f s", waited_s)
                return result
            # At random, so that processes that wait for one lock do not retry at the same moments.
            self._sleep(delay_s * random.uniform(0.5, 1.0))
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)
