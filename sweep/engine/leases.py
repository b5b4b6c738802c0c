"""Leases: every trial that is handed out comes back, once, in time, or as lost.

Between the executor, where workers die, hang and wake up again, and whoever wants trials run.
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
"""How long whoever waits for trials waits for news of them at a time."""
Key = tuple[int, int]
"""Trial and attempt."""


@dataclass
class _Lease:
    """An attempt at work, and when it last gave a sign of life."""

    spec: TrialSpec
    heard_at: float


class Leases:
    """Hands trials to an executor and passes on what is heard of them.

    An attempt that gives no sign of life for the length of the deadline is ended and passed on as
    failed by its worker. What is heard of an attempt after it ended is dropped.

    Args:
        executor: What runs the trials.
        deadline_s: How long an attempt may be silent.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        executor: Executor,
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor = executor
        self._deadline_s = deadline_s
        self._clock = clock
        self._leases: dict[Key, _Lease] = {}
        self._looked_at = clock()

    @property
    def free_slots(self) -> int:
        """How many more trials can be taken now."""
        return self._executor.free_slots

    @property
    def at_work(self) -> list[Key]:
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
        self,
        study: str,
        take_in: Callable[[list[TrialEvent]], None],
        at_once: Callable[[], bool],
    ) -> None:
        """Let every trial finish the epoch it is in.

        Args:
            study: Whose trials, for the log.
            take_in: What is done with what comes meanwhile.
            at_once: Whether to wait no longer.
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
        """Return what happened after at most ``timeout_s``, attempts lost by silence included."""
        events = [event for event in self._executor.poll(timeout_s) if self._is_awaited(event)]
        return events + self._overdue(timeout_s)

    def _is_awaited(self, event: TrialEvent) -> bool:
        key = event.number, event.attempt
        lease = self._leases.get(key)
        if lease is None:
            logger.debug("trial %d, attempt %d: heard of too late", *key)
            return False
        lease.heard_at = self._clock()
        if isinstance(event, End):
            del self._leases[key]
        return True

    def _overdue(self, waited_s: float) -> list[TrialEvent]:
        now = self._clock()
        if now - self._looked_at - waited_s > self._deadline_s / 2:
            # It was us who were away: frozen, or waiting for the database. All may have spoken.
            for lease in self._leases.values():
                lease.heard_at = now
        self._looked_at = now
        lost: list[TrialEvent] = []
        for key, lease in list(self._leases.items()):
            silent_s = now - lease.heard_at
            if silent_s > self._deadline_s:
                self._executor.kill(lease.spec.number)
                del self._leases[key]
                reason = f"it gave no sign of progress for {silent_s:.0f} s and was ended"
                lost.append(TrialFailed(*key, reason, "worker"))
        return lost
