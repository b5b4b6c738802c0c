"""Executors that record when trials end: a local one by worker, and a wrapper of any executor."""

import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.execution.local.entrypoint import serve
from fieldsharp.sweep.execution.local.executor import LocalExecutor
from fieldsharp.sweep.execution.local.worker_processes import Serve
from fieldsharp.sweep.study.trial_events import TrialDone, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec


class TimedExecutor(LocalExecutor):
    """Records by worker the end of each trial and the length it measured itself.

    Attributes:
        ends: By slot, when a trial ended and how long it took, in seconds.
    """

    def __init__(self, workers: int, work: Serve = serve) -> None:
        super().__init__(workers, work)
        self._worker: dict[int, int] = {}
        self.ends: dict[int, list[tuple[float, float]]] = {slot: [] for slot in range(workers)}

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Hand a trial to a free worker, and record which."""
        super().submit(spec, checkpoints)
        self._worker[spec.number] = next(
            slot.index for slot in self._slots if slot.spec and slot.spec.number == spec.number
        )

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return the events, and record the ends of trials."""
        events = super().poll(timeout_s)
        now = time.perf_counter()
        for event in events:
            if isinstance(event, TrialDone):
                self.ends[self._worker[event.number]].append((now, event.seconds))
        return events

    def spans(self) -> list[tuple[float, float]]:
        """Return, for each trial after the first of a worker, time since the last end, and length.

        Time before the first end of a worker includes its start, and is left out.
        """
        return [
            (ended - before, seconds)
            for ends in self.ends.values()
            for (before, _), (ended, seconds) in pairwise(ends)
        ]

    def forget(self) -> None:
        """Clear the records, and keep the workers."""
        self.ends = {slot: [] for slot in self.ends}


@dataclass
class Pace:
    """Begin and ends of a series of trials.

    Attributes:
        began: When the first was handed out, in seconds of a clock.
        numbers: Of those that were handed out.
        ends: When each ended, in order.
    """

    began: float = 0.0
    numbers: list[int] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def begin(self, number: int) -> None:
        """Record that a trial was handed out."""
        self.began = self.began if self.numbers else time.perf_counter()
        self.numbers.append(number)

    def end(self) -> None:
        """Record the end of a trial."""
        self.ends.append(time.perf_counter())

    def slot_s(self, slots: int) -> float:
        """Return the mean time a trial holds its slot, from the previous end to its own.

        Every slot is given trials until none is left. So its last one is among the last to end, and
        those ends, counted from the beginning, are the time of all slots with nothing left out.

        Args:
            slots: How many there are, with as many trials at least.
        """
        return sum(end - self.began for end in self.ends[-slots:]) / len(self.ends)


class PacedExecutor:
    """Wraps another executor and records its trials; ``close`` keeps its workers running.

    Args:
        executor: Runs the trials.

    Attributes:
        pace: Of its trials; replaced to begin anew.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.pace = Pace()

    @property
    def free_slots(self) -> int:
        """Number of trials that can be submitted now."""
        return self._executor.free_slots

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Start a trial."""
        self.pace.begin(spec.number)
        self._executor.submit(spec, checkpoints)

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return the events, and record the ends of trials.

        Raises:
            RuntimeError: If one failed: then nothing is measured.
        """
        events = self._executor.poll(timeout_s)
        for event in events:
            if isinstance(event, TrialFailed):
                raise RuntimeError(event.reason)
            if isinstance(event, TrialDone):
                self.pace.end()
        return events

    def cancel(self, number: int) -> None:
        """Ask a trial to end."""
        self._executor.cancel(number)

    def pause(self, number: int) -> None:
        """Ask a trial to end after its epoch."""
        self._executor.pause(number)

    def kill(self, number: int) -> None:
        """End a trial's worker."""
        self._executor.kill(number)

    def close(self) -> None:
        """Do nothing: the workers are used again."""
