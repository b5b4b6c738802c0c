"""Leases: every attempt that is handed out comes back once, in time, or as lost."""

import pytest

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.leases import Leases
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    StepsDone,
    TrialDone,
    TrialEvent,
    TrialFailed,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.sweep.fake_sweep import Clock, FakeExecutor, metrics_of, report_of

DEADLINE_S = 60.0


class Scripted(FakeExecutor):
    """Says what it is told to say, and nothing else."""

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        events, self.extra = self.extra, []
        return events


class Bench:
    def __init__(self, config: SweepConfig) -> None:
        self.clock = Clock()
        self.executor = Scripted(slots=2)
        self.leases = Leases(self.executor, DEADLINE_S, self.clock)
        self._run = config.run

    def submit(self, number: int, attempt: int = 1) -> None:
        self.leases.submit(TrialSpec(number=number, attempt=attempt, run=self._run), None)

    def poll(self, *events: TrialEvent, after_s: float = 0.0) -> list[TrialEvent]:
        self.clock.now += after_s
        self.executor.extra = list(events)
        return self.leases.poll(0.5)


@pytest.fixture
def bench(tiny_config: SweepConfig) -> Bench:
    return Bench(tiny_config)


def _done(number: int, attempt: int = 1) -> TrialDone:
    return TrialDone(number, attempt, 1.0, 1.0, "cpu", "float32")


def _silence(bench: Bench, seconds: float) -> list[TrialEvent]:
    events: list[TrialEvent] = []
    for _ in range(round(seconds)):
        events += bench.poll(after_s=1.0)
    return events


def test_an_end_is_passed_on_once(bench: Bench) -> None:
    bench.submit(3)
    assert bench.poll(_done(3), _done(3)) == [_done(3)]
    assert bench.poll(_done(3), TrialFailed(3, 1, "late")) == []
    assert bench.leases.running == []


def test_what_is_said_of_another_attempt_or_of_nobodys_trial_is_dropped(bench: Bench) -> None:
    bench.submit(3, attempt=2)
    report = EpochDone(3, 1, report_of(0, metrics_of()))
    assert bench.poll(report, _done(3), _done(3, attempt=3), _done(4)) == []
    assert bench.leases.running == [(3, 2)]


def test_silence_for_the_length_of_the_deadline_loses_the_attempt_and_ends_its_worker(
    bench: Bench,
) -> None:
    bench.submit(3)
    assert _silence(bench, DEADLINE_S) == []
    (lost,) = _silence(bench, 1)
    assert isinstance(lost, TrialFailed)
    assert (lost.number, lost.attempt, lost.cause) == (3, 1, "worker")
    assert "no sign of progress for 61 s" in lost.reason
    assert bench.executor.killed == [3]
    assert bench.poll(_done(3)) == [], "too late"


@pytest.mark.parametrize("sign", [StepsDone(3, 1, 7), EpochDone(3, 1, report_of(0, metrics_of()))])
def test_any_sign_of_life_begins_the_deadline_anew(bench: Bench, sign: TrialEvent) -> None:
    bench.submit(3)
    _silence(bench, 50)
    assert bench.poll(sign) == [sign]
    assert _silence(bench, 60) == []
    assert len(_silence(bench, 1)) == 1


def test_each_trial_has_a_deadline_of_its_own(bench: Bench) -> None:
    bench.submit(3)
    _silence(bench, 40)
    bench.submit(4)
    assert [event.number for event in _silence(bench, 21)] == [3]
    assert bench.leases.running == [(4, 1)]


def test_a_coordinator_that_was_away_blames_nobody(bench: Bench) -> None:
    """It was stopped by a debugger, or waited ten minutes for its database."""
    bench.submit(3)
    assert bench.poll(after_s=1000.0) == []
    assert _silence(bench, 60) == []
    assert len(_silence(bench, 1)) == 1


def test_a_deadline_as_short_as_a_poll_is_kept_too(tiny_config: SweepConfig) -> None:
    bench = Bench(tiny_config)
    bench.leases = Leases(bench.executor, 1.0, bench.clock)
    bench.submit(3)
    events = [event for _ in range(4) for event in bench.poll(after_s=0.51)]
    assert len(events) == 1


def test_what_is_told_to_all_is_told_to_those_at_work(bench: Bench) -> None:
    bench.submit(3)
    bench.submit(4)
    bench.poll(_done(3))
    bench.leases.pause_all()
    assert bench.executor.paused == [4]
    bench.leases.kill_all()
    assert bench.executor.killed == [4]
    assert bench.leases.running == []
    assert bench.poll(_done(4)) == []
