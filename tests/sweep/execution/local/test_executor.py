"""Trials in real worker processes: results, cancelling, deaths, user code that misbehaves."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.local.executor import LocalExecutor
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec

MISBEHAVING = """
import os, sys
import torch
from torch import nn

class Raises(nn.Module):
    def __init__(self, shape, width):
        super().__init__()
        self.layer = nn.Conv2d(shape.history, shape.horizon, 1)
    def forward(self, history):
        raise ValueError("no forecast\\ntoday")

class Exits(Raises):
    def forward(self, history):
        sys.exit("enough")

class EndsOfFile(Raises):
    def forward(self, history):
        raise EOFError("nothing in the file")

class NotFinite(Raises):
    def forward(self, history):
        pred = self.layer(history[:, :, 0])[:, :, None]
        return pred if self.training else pred * float("nan")
"""
LIMIT_S = 180.0
MakeSpec = Callable[..., TrialSpec]


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    """One executor of one worker for the whole file: starting a worker takes seconds."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "misbehaving.py").write_text(MISBEHAVING, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)  # a spawned process takes over sys.path
        executor = LocalExecutor(1)
        yield executor
        executor.close()


@pytest.fixture
def make_spec(tiny_config: SweepConfig) -> MakeSpec:
    def make(number: int, **values: Scalar) -> TrialSpec:
        dotted = {path.replace("__", "."): value for path, value in values.items()}
        trusting = tiny_config.model_copy(update={"plugins": ("misbehaving",)})
        return TrialSpec(number=number, attempt=1, run=trusting.run_with(dotted))

    return make


def _until_end(executor: LocalExecutor) -> list[TrialEvent]:
    events: list[TrialEvent] = []
    deadline = time.monotonic() + LIMIT_S
    while not any(isinstance(event, TrialDone | TrialFailed | TrialCancelled) for event in events):
        assert time.monotonic() < deadline, f"no end after {LIMIT_S} s, only {events}"
        events += executor.poll(0.5)
    return events


def _first_epoch(executor: LocalExecutor) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not any(isinstance(event, EpochDone) for event in executor.poll(0.5)):
        assert time.monotonic() < deadline


def test_a_trial_reports_every_epoch_and_then_its_end(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec(3, training__epochs=3))
    assert executor.free_slots == 0
    *epochs, end = _until_end(executor)
    assert executor.free_slots == 1
    assert [event.report.epoch for event in epochs if isinstance(event, EpochDone)] == [0, 1, 2]
    assert isinstance(end, TrialDone)
    assert (end.number, end.attempt, end.device, end.precision) == (3, 1, "cpu", "float32")
    assert end.seconds > 0
    assert 50 < end.peak_memory_mb < 4000


def test_the_worker_is_kept_and_gives_equal_numbers_again(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    found, workers = [], []
    for number in (4, 5):
        executor.submit(make_spec(number))
        found.append([e.report.metrics for e in _until_end(executor) if isinstance(e, EpochDone)])
        workers.append(executor._slots[0].process.pid)
    assert found[0] == found[1]
    assert workers[0] == workers[1]


def test_a_cancelled_trial_ends_between_two_steps_and_the_worker_takes_another(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec(6, training__epochs=100_000))
    _first_epoch(executor)
    executor.cancel(99)  # of nobody
    executor.cancel(6)
    assert _until_end(executor)[-1] == TrialCancelled(6, 1)
    executor.cancel(6)  # too late, must not hit the next one
    executor.submit(make_spec(7))
    assert isinstance(_until_end(executor)[-1], TrialDone)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Raises", "ValueError: no forecast today (line 11 of misbehaving.py)"),
        ("Exits", "SystemExit: enough (line 15 of misbehaving.py)"),
        ("EndsOfFile", "EOFError: nothing in the file (line 19 of misbehaving.py)"),
    ],
)
def test_a_predictor_that_misbehaves_fails_its_trial_alone(
    executor: LocalExecutor, make_spec: MakeSpec, name: str, reason: str
) -> None:
    executor.submit(make_spec(8, predictor__name=f"misbehaving:{name}"))
    worker = executor._slots[0].process.pid
    assert _until_end(executor) == [TrialBegan(8, 1, 0), TrialFailed(8, 1, reason)]
    executor.submit(make_spec(9, training__epochs=1))
    assert isinstance(_until_end(executor)[-1], TrialDone)
    assert executor._slots[0].process.pid == worker


def test_a_forecast_that_is_not_finite_fails_its_trial(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec(10, predictor__name="misbehaving:NotFinite"))
    end = _until_end(executor)[-1]
    assert isinstance(end, TrialFailed)
    assert end.reason.startswith("the gradient of the forecast is nan after epoch 1")


def test_a_killed_worker_fails_its_trial_and_is_replaced(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec(12, training__epochs=100_000))
    _first_epoch(executor)
    worker = executor._slots[0].process.pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    end = _until_end(executor)[-1]
    reason = "its worker process died (signal 9, perhaps out of memory)"
    assert end == TrialFailed(12, 1, reason, "worker")
    executor.submit(make_spec(13))
    assert isinstance(_until_end(executor)[-1], TrialDone)
    assert executor._slots[0].process.pid != worker


def test_no_worker_is_started_before_there_is_a_trial() -> None:
    executor = LocalExecutor(3)
    assert (executor.free_slots, executor._slots) == (3, [])
    executor.close()


def test_a_cancelled_trial_ends_although_its_worker_still_loads(make_spec: MakeSpec) -> None:
    executor = LocalExecutor(1)
    executor.submit(make_spec(3))
    began = time.monotonic()
    executor.cancel(3)
    events: list[TrialEvent] = []
    while not events and time.monotonic() - began < LIMIT_S:
        events = executor.poll(0.2)
    assert events == [TrialCancelled(3, 1)]
    assert executor.free_slots == 1
    executor.close()


def test_closing_ends_a_worker_in_the_middle_of_its_import(make_spec: MakeSpec) -> None:
    executor = LocalExecutor(1)
    executor.submit(make_spec(3))
    process = executor._slots[0].process
    began = time.monotonic()
    executor.close()
    assert time.monotonic() - began < 10
    assert not process.is_alive()


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_where_no_process_can_be_started_the_trial_is_told_and_the_slot_is_free(
    make_spec: MakeSpec, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_process: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", start)
    executor, spec = LocalExecutor(1), make_spec(3)
    executor.submit(spec)
    (event,) = executor.poll(0.0)
    assert isinstance(event, TrialFailed)
    assert (event.number, event.attempt, event.cause) == (spec.number, spec.attempt, "machine")
    assert event.reason == f"no worker process can be started ({os.strerror(number)})"
    assert executor.free_slots == 1
    assert executor.poll(0.0) == []
