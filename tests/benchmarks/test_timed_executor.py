"""What a trial holds its slot, told from the ends of trials on slots that are never without one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.timed_executor import Pace, PacedExecutor
from fieldsharp.fields.settings import DataSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.trial_events import TrialDone, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec


class ScriptedExecutor:
    """Says what it was told to say; it has one slot."""

    free_slots = 1

    def __init__(self, events: Sequence[TrialEvent]) -> None:
        self._events = list(events)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        pass

    def poll(self, timeout_s: float) -> list[TrialEvent]:  # noqa: ARG002
        return [self._events.pop(0)]

    def cancel(self, number: int) -> None:  # noqa: ARG002
        raise AssertionError("nobody asked")

    pause = kill = cancel

    def close(self) -> None:
        pass


def _spec(number: int) -> TrialSpec:
    return TrialSpec(number=number, run=RunSettings(data=DataSettings(path="nowhere.nc")))


def test_a_slot_is_held_for_the_time_of_all_slots_over_all_trials() -> None:
    # One slot has three trials, of 1, 1 and 1.5 s; the other has one, of 3 s.
    pace = Pace(began=10.0, numbers=[0, 1, 2, 3], ends=[11.0, 12.0, 13.0, 13.5])

    assert pace.slot_s(slots=2) == pytest.approx((3.5 + 3.0) / 4)


def test_trials_are_noted_as_they_are_handed_out_and_end() -> None:
    executor = PacedExecutor(ScriptedExecutor([TrialDone(4, 1, 0.2, 100.0, "cpu", "float32")]))
    executor.submit(_spec(4))
    executor.poll(0.1)

    assert executor.pace.numbers == [4]
    assert len(executor.pace.ends) == 1
    assert executor.pace.ends[0] >= executor.pace.began > 0


def test_a_failure_is_no_measurement() -> None:
    executor = PacedExecutor(ScriptedExecutor([TrialFailed(4, 1, "it would not", "worker")]))
    executor.submit(_spec(4))

    with pytest.raises(RuntimeError, match="it would not"):
        executor.poll(0.1)
