"""An executor that notes which trials it was given and when they ended, and what that tells."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.study.trial_events import TrialDone, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec


@dataclass
class Pace:
    """How trials went by.

    Attributes:
        began: When the first was handed out, in seconds of a clock.
        numbers: Of those that were handed out.
        ends: When each ended, in order.
    """

    began: float = 0.0
    numbers: list[int] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def begin(self, number: int) -> None:
        """Note a trial as handed out."""
        self.began = self.began if self.numbers else time.perf_counter()
        self.numbers.append(number)

    def end(self) -> None:
        """Note one as ended."""
        self.ends.append(time.perf_counter())

    def slot_s(self, slots: int) -> float:
        """Return how long a trial holds its slot, from the end of the one before to its own.

        Every slot is given trials until none is left. So its last one is among the last to end, and
        those ends, counted from the beginning, are the time of all slots with nothing left out.

        Args:
            slots: How many there are, with as many trials at least.
        """
        return sum(end - self.began for end in self.ends[-slots:]) / len(self.ends)


class PacedExecutor:
    """Passes everything on to another executor; outlives what closes it, workers and all.

    Args:
        executor: What runs the trials.

    Attributes:
        pace: Of its trials; replaced to begin anew.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.pace = Pace()

    @property
    def free_slots(self) -> int:
        """How many more trials can be taken now."""
        return self._executor.free_slots

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Start a trial."""
        self.pace.begin(spec.number)
        self._executor.submit(spec, checkpoints)

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return what happened, and note which trials ended.

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
        """Do nothing: its workers are used again."""
