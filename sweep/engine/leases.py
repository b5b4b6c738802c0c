"""Leases: each attempt ends exactly once, by an event of its worker or by a deadline.

Executors lose workers, and workers hang and wake up again; the coordinator sees none of that.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.study.trial_events import End, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
POLL_S = 0.5
"""Longest time that a poll for events blocks."""
Key = tuple[int, int]
"""Trial and attempt."""


@dataclass
class _Lease:
    """A running attempt and the time of its last event."""

    spec: TrialSpec
    last_event_at: float


class Leases:
    """Hands trials to an executor and passes on their events.

    An attempt without an event for the length of the deadline is killed and reported as failed by
    its worker. Events of an attempt that has ended are dropped.

    Args:
        executor: Runs the trials.
        deadline_s: Longest time between two events of an attempt.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self, executor: Executor, deadline_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._executor = executor
        self._deadline_s = deadline_s
        self._clock = clock
        self._leases: dict[Key, _Lease] = {}
        self._polled_at = clock()

    @property
    def free_slots(self) -> int:
        """How many more trials can be taken now."""
        return self._executor.free_slots

    @property
    def running(self) -> list[Key]:
        """The attempts that have not ended."""
        return list(self._leases)

    def submit(self, spec: TrialSpec, checkpoints: Path | None) -> None:
        """Start an attempt; only while there is a free slot."""
        self._leases[spec.number, spec.attempt] = _Lease(spec, self._clock())
        self._executor.submit(spec, checkpoints)

    def cancel(self, number: int) -> None:
        """Ask a trial to end now."""
        self._executor.cancel(number)

    def pause_all(self) -> None:
        """Ask every trial to end after the epoch it is in."""
        for number in {number for number, _ in self._leases}:
            self._executor.pause(number)

    def wind_down(
        self, study: str, take_in: Callable[[list[TrialEvent]], None], at_once: Callable[[], bool]
    ) -> None:
        """Let every trial finish its epoch.

        Args:
            study: Named in the log.
            take_in: Handles the events until then.
            at_once: Whether to stop waiting.
        """
        logger.warning(
            "%s: stopping after the epoch that is trained; once more ends it at once", study
        )
        self.pause_all()
        while self._leases and not at_once():
            take_in(self.poll(POLL_S))

    def kill_all(self) -> None:
        """End every trial at once; nothing follows."""
        for number in {number for number, _ in self._leases}:
            self._executor.kill(number)
        self._leases.clear()

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return the events of at most ``timeout_s``, with a failure for each overdue attempt."""
        events = [event for event in self._executor.poll(timeout_s) if self._is_current(event)]
        return events + self._overdue(timeout_s)

    def _is_current(self, event: TrialEvent) -> bool:
        key = event.number, event.attempt
        lease = self._leases.get(key)
        if lease is None:
            logger.debug("trial %d, attempt %d: event after its end", *key)
            return False
        lease.last_event_at = self._clock()
        if isinstance(event, End):
            del self._leases[key]
        return True

    def _overdue(self, waited_s: float) -> list[TrialEvent]:
        now = self._clock()
        if now - self._polled_at - waited_s > self._deadline_s / 2:
            # This process was suspended, or waited for the database: events may be on their way.
            for lease in self._leases.values():
                lease.last_event_at = now
        self._polled_at = now
        lost: list[TrialEvent] = []
        for key, lease in list(self._leases.items()):
            silent_s = now - lease.last_event_at
            if silent_s > self._deadline_s:
                self._executor.kill(lease.spec.number)
                del self._leases[key]
                reason = f"it gave no sign of progress for {silent_s:.0f} s and was ended"
                lost.append(TrialFailed(*key, reason, "worker"))
        return lost
