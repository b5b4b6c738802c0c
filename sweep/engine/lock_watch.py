"""The lock on a study while its coordinator works: whether it is kept, and who asks to stop."""

import time
from collections.abc import Callable

from fieldsharp.storage.study_lock import StudyLock

LOOK_EVERY_S = 0.5


class LockWatch:
    """Looks at the lock of a study every so often.

    Args:
        lock: Held by this process.
        request_stop: Called as often as a signal would be sent: once to stop after the epoch,
            twice to stop at once.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        lock: StudyLock,
        request_stop: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = lock
        self._request_stop = request_stop
        self._clock = clock
        self._looked_at = clock()

    def look(self) -> None:
        """Take up a request to stop and check the lock.

        Raises:
            FieldsharpError: If the lock was removed.
        """
        if self._clock() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = self._clock()
        for _ in range(self._lock.stop_requested()):
            self._request_stop()
        self._lock.require_held()
