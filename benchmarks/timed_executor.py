"""An executor that notes how long its trials took, and when they ended."""

import time
from itertools import pairwise
from pathlib import Path

from fieldsharp.sweep.execution.local.entrypoint import serve
from fieldsharp.sweep.execution.local.executor import LocalExecutor, Serve
from fieldsharp.sweep.study.trial_events import TrialDone, TrialEvent
from fieldsharp.sweep.study.trial_spec import TrialSpec


class TimedExecutor(LocalExecutor):
    """Notes by worker when each of its trials ended, and what it measured itself.

    Attributes:
        ends: By slot, when a trial ended and how long it took, in seconds.
    """

    def __init__(self, workers: int, work: Serve = serve) -> None:
        super().__init__(workers, work)
        self._worker: dict[int, int] = {}
        self.ends: dict[int, list[tuple[float, float]]] = {slot: [] for slot in range(workers)}

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Hand a trial to a free worker, and note to which."""
        super().submit(spec, checkpoints)
        self._worker[spec.number] = next(
            slot.index for slot in self._slots if slot.spec and slot.spec.number == spec.number
        )

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return what happened, and note which trials ended."""
        events = super().poll(timeout_s)
        now = time.perf_counter()
        for event in events:
            if isinstance(event, TrialDone):
                self.ends[self._worker[event.number]].append((now, event.seconds))
        return events

    def spans(self) -> list[tuple[float, float]]:
        """Return, for each trial with one before it, the time since that one's end and its own.

        What lies before the first end of a worker is its start, and is left out.
        """
        return [
            (ended - before, seconds)
            for ends in self.ends.values()
            for (before, _), (ended, seconds) in pairwise(ends)
        ]

    def forget(self) -> None:
        """Begin anew, with the workers there are."""
        self.ends = {slot: [] for slot in self.ends}
