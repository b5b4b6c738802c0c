"""Workers that freeze, are killed or run code that misbehaves: the others never notice."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.trial_files.checkpoints import epochs_done
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.run_settings import RunSettings
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

HOSTILE = """
import gc, multiprocessing.connection, os, subprocess, sys, time
import numpy, torch
from torch import nn

def pipe():
    # The worker's own: a subprocess has others.
    there = (o for o in gc.get_objects() if type(o) is multiprocessing.connection.Connection)
    return next(c for c in there if not c.closed)

class Plain(nn.Module):
    def __init__(self, shape, width):
        super().__init__()
        self.horizon = shape.horizon
        self.layer = nn.Conv2d(shape.history, shape.horizon, 1)
    def right(self, history):
        return self.layer(history[:, :, 0])[:, :, None]
    def forward(self, history):
        return self.right(history)

class Exits(Plain):
    def forward(self, history):
        os._exit(3)

class Recurses(Plain):
    def forward(self, history):
        return self.forward(history)

class ReturnsNone(Plain):
    def forward(self, history):
        return None

class ReturnsText(Plain):
    def forward(self, history):
        return "sunny"

class ReturnsList(Plain):
    def forward(self, history):
        return [self.right(history)]

class ReturnsFewerRows(Plain):
    def forward(self, history):
        return self.right(history)[:, :, :, :-3]

class ReturnsOneRow(Plain):
    def forward(self, history):
        return self.right(history)[:, :, :, :1]

class ReturnsComplex(Plain):
    def forward(self, history):
        return self.right(history) * (1 + 2j)

class ReturnsWhole(Plain):
    def forward(self, history):
        return self.right(history).to(torch.int64)

class Prints(Plain):
    def forward(self, history):
        print("garbage \\x00\\x1b[2J" * 50)
        sys.stderr.write("more of it\\n")
        return self.right(history)

class ClosesFiles(Plain):
    def forward(self, history):
        os.closerange(3, 256)
        return self.right(history)

class SendsBytes(Plain):
    def forward(self, history):
        os.write(pipe().fileno(), b"\\x00\\x00\\x00\\x05hello")
        time.sleep(300)

class SendsALength(Plain):
    def forward(self, history):
        os.write(pipe().fileno(), b"\\x7f\\xff\\xff\\xff")
        time.sleep(300)

class SendsAnArray(Plain):
    def forward(self, history):
        pipe().send(numpy.arange(3))
        time.sleep(300)

class LeavesAChild(Plain):
    def forward(self, history):
        subprocess.Popen(["sleep", "90"])
        os._exit(4)

class LeavesAFork(Plain):
    def forward(self, history):
        if os.fork() == 0:
            time.sleep(90)
            os._exit(0)
        os._exit(5)

class Absurd(Plain):
    def forward(self, history):
        torch.empty(2 ** 46)

class HalfFits(Plain):
    def forward(self, history):
        if self.training and len(history) > 4:
            torch.empty(2 ** 46)
        return self.right(history)

class Spreads(Plain):
    # Children that left its session and closed what they had, and wait for nothing.
    def forward(self, history):
        for _ in range(2):
            sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)", "of-a-loss"]
            subprocess.Popen(sleep, start_new_session=True, env={})
        time.sleep(300)

class Floods(Plain):
    # Much more than a pipe holds, in one message, of which the worker stops itself in the middle.
    def forward(self, history):
        import threading
        def freeze():
            time.sleep(0.5)
            os.kill(os.getpid(), 19)
        threading.Thread(target=freeze, daemon=True).start()
        end = pipe().fileno()
        os.write(end, (50_000_000).to_bytes(4, "big") + b"x" * 1000)
        time.sleep(300)
"""
LIMIT_S = 180.0
LONG = 100_000
MakeSpec = Callable[..., TrialSpec]
DIED = "its worker process died"


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    folder = tmp_path_factory.mktemp("user")
    (folder / "hostile.py").write_text(HOSTILE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        executor = LocalExecutor(1)
        yield executor
        executor.close()


@pytest.fixture
def make_spec(tiny_config: SweepConfig) -> MakeSpec:
    def make(predictor: str | None = None, **values: Scalar) -> TrialSpec:
        dotted = {path.replace("__", "."): value for path, value in values.items()}
        tree = tiny_config.run_with(dotted).model_dump()
        if predictor is not None:
            tree["predictor"]["name"] = f"hostile:{predictor}"
            if "plugins" in RunSettings.model_fields:
                tree["plugins"] = ["hostile"]
        return TrialSpec(number=3, run=RunSettings.model_validate(tree))

    return make


def _until(executor: LocalExecutor, *kinds: type[TrialEvent]) -> list[TrialEvent]:
    events: list[TrialEvent] = []
    deadline = time.monotonic() + LIMIT_S
    while not any(isinstance(event, kinds) for event in events):
        assert time.monotonic() < deadline, f"only {events}"
        events += executor.poll(0.2)
    return events


def _end(executor: LocalExecutor) -> TrialEvent:
    return _until(executor, TrialDone, TrialFailed, TrialCancelled)[-1]


def _pid(executor: LocalExecutor) -> int:
    pid = executor._slots[0].process.pid
    assert pid is not None
    return pid


def _requires_another_worker_that_trains(
    executor: LocalExecutor, spec: TrialSpec, pid: int
) -> None:
    executor.submit(spec)
    assert isinstance(_end(executor), TrialDone)
    assert _pid(executor) != pid


@pytest.mark.parametrize(
    ("predictor", "reason"),
    [
        ("ReturnsNone", "the predictor returns NoneType where a tensor"),
        ("ReturnsText", "the predictor returns str where a tensor"),
        ("ReturnsList", "the predictor returns list where a tensor"),
        ("ReturnsFewerRows", "returns the shape (8, 2, 1, 21, 24) where (batch, horizon,"),
        ("ReturnsOneRow", "returns the shape (8, 2, 1, 1, 24) where (batch, horizon,"),
        ("ReturnsComplex", "the predictor returns torch.complex64 where"),
        ("ReturnsWhole", "the predictor returns torch.int64 where"),
        ("Recurses", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_predictor_that_returns_nonsense_fails_its_trial_alone(
    executor: LocalExecutor, make_spec: MakeSpec, predictor: str, reason: str
) -> None:
    executor.submit(make_spec(predictor))
    end = _end(executor)
    assert isinstance(end, TrialFailed)
    assert end.cause == "training"
    assert reason in end.reason
    assert "\n" not in end.reason
    before = _pid(executor)
    executor.submit(make_spec(training__epochs=1))
    assert isinstance(_end(executor), TrialDone)
    assert _pid(executor) == before


def test_what_a_predictor_prints_disturbs_nothing(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec("Prints"))
    assert isinstance(_end(executor), TrialDone)


def test_too_little_memory_is_told_from_a_failure_and_the_worker_goes_on(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec("Absurd"))
    end = _end(executor)
    assert isinstance(end, TrialFailed)
    assert end.cause == "memory"
    before = _pid(executor)
    spec = make_spec("HalfFits")
    executor.submit(spec)
    end = _end(executor)
    assert isinstance(end, TrialFailed)
    assert end.cause == "memory"
    executor.submit(spec.model_copy(update={"micro_batches": 2, "attempt": 2}))
    assert isinstance(_end(executor), TrialDone)
    assert _pid(executor) == before


@pytest.mark.parametrize(
    ("predictor", "reason"),
    [
        pytest.param("Exits", f"{DIED} (exit code 3)", marks=pytest.mark.outside),
        pytest.param("ClosesFiles", DIED, marks=pytest.mark.slow),
        pytest.param(
            "SendsBytes", "an unreadable message: UnpicklingError", marks=pytest.mark.slow
        ),
        pytest.param(
            "SendsAnArray", "it sent an unknown message of type ndarray", marks=pytest.mark.slow
        ),
        pytest.param("LeavesAChild", f"{DIED} (exit code 4)", marks=pytest.mark.slow),
        ("LeavesAFork", f"{DIED} (exit code 5)"),
    ],
)
def test_a_worker_that_code_of_the_user_ruins_is_replaced(
    executor: LocalExecutor, make_spec: MakeSpec, predictor: str, reason: str
) -> None:
    executor.submit(make_spec(predictor))
    _until(executor, TrialBegan)
    pid, began = _pid(executor), time.monotonic()
    end = _end(executor)
    assert time.monotonic() - began < 60
    assert isinstance(end, TrialFailed)
    assert end.cause == "worker"
    assert reason in end.reason
    _requires_another_worker_that_trains(executor, make_spec(training__epochs=1), pid)


@pytest.mark.outside
@pytest.mark.parametrize("predictor", ["Floods", "SendsALength"])
def test_a_worker_frozen_in_the_middle_of_a_message_blocks_nobody(
    executor: LocalExecutor, make_spec: MakeSpec, predictor: str
) -> None:
    executor.submit(make_spec(predictor))
    _until(executor, TrialBegan)
    pid = _pid(executor)
    time.sleep(1.0)
    began = time.monotonic()
    assert executor.poll(0.2) == []
    executor.kill(3)
    assert time.monotonic() - began < 5
    assert executor.free_slots == 1
    _requires_another_worker_that_trains(executor, make_spec(training__epochs=1), pid)


def test_a_frozen_worker_is_killed_and_replaced_and_nothing_more_is_heard_of_it(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec(training__epochs=LONG))
    _until(executor, EpochDone)
    pid = _pid(executor)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.2)
    executor.poll(0.0)
    executor.kill(3)
    assert executor.poll(0.5) == []
    _requires_another_worker_that_trains(executor, make_spec(training__epochs=1), pid)


@pytest.mark.skipif(sys.platform != "linux", reason="they are found there alone")
def test_what_a_predictor_started_ends_with_its_worker(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec("Spreads"))
    deadline = time.monotonic() + LIMIT_S
    while len(_started_by_a_loss()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    executor.kill(3)
    assert _started_by_a_loss() == []


def _started_by_a_loss() -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cmdline").read_bytes().endswith(b"\0of-a-loss\0"):
                found.append(int(process.name))
    return found


def test_workers_are_deaf_to_what_reaches_the_whole_process_group(
    executor: LocalExecutor, make_spec: MakeSpec
) -> None:
    executor.submit(make_spec(training__epochs=LONG))
    _until(executor, EpochDone)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(_pid(executor), number)
    _until(executor, EpochDone)
    executor.cancel(3)
    assert isinstance(_end(executor), TrialCancelled)


def test_a_paused_trial_ends_after_its_epoch_with_the_checkpoint_and_goes_on_from_it(
    executor: LocalExecutor, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec(training__epochs=LONG, data__train_every=1)
    executor.submit(spec, tmp_path)
    _until(executor, EpochDone)
    executor.pause(3)
    events = _until(executor, TrialDone, TrialFailed, TrialCancelled)
    assert events[-1] == TrialCancelled(3, 1)
    heard = [event.report.epoch for event in events if isinstance(event, EpochDone)]
    done = epochs_done(tmp_path)
    assert done >= 1
    assert not heard or done == heard[-1] + 1

    executor.submit(spec.model_copy(update={"attempt": 2}), tmp_path)
    events = _until(executor, EpochDone)
    assert TrialBegan(3, 2, done) in events
    executor.cancel(3)
    assert _end(executor) == TrialCancelled(3, 2)


COORDINATOR = """
import sys, time
from fieldsharp.sweep.execution.local.executor import LocalExecutor
from fieldsharp.sweep.study.trial_events import EpochDone
from fieldsharp.sweep.study.trial_spec import TrialSpec

if __name__ == "__main__":
    executor = LocalExecutor(1)
    executor.submit(TrialSpec.model_validate_json(open(sys.argv[1]).read()))
    while not any(isinstance(event, EpochDone) for event in executor.poll(0.2)):
        pass
    print(executor._slots[0].process.pid, flush=True)
    time.sleep(300)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the worker there alone")
@pytest.mark.parametrize(
    "frozen", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["stopped", "at work"]
)
def test_a_worker_ends_with_its_coordinator_however_that_dies(
    make_spec: MakeSpec, tmp_path: Path, frozen: bool
) -> None:
    script, spec = tmp_path / "coordinator.py", tmp_path / "spec.json"
    script.write_text(COORDINATOR)
    spec.write_text(make_spec(training__epochs=LONG).model_dump_json())
    with subprocess.Popen(
        [sys.executable, str(script), str(spec)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        if frozen:
            os.kill(worker, signal.SIGSTOP)
        process.kill()
        process.wait(60)
    deadline = time.monotonic() + LIMIT_S
    while _is_alive(worker):
        assert time.monotonic() < deadline, "a worker outlives its coordinator"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_no_process_is_left_when_an_executor_is_closed_while_its_worker_is_frozen(
    make_spec: MakeSpec,
) -> None:
    executor = LocalExecutor(1)
    executor.submit(make_spec(training__epochs=LONG))
    process = executor._slots[0].process
    deadline = time.monotonic() + LIMIT_S
    while process.pid is None:  # it is forked once torch is loaded
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGSTOP)
    executor.close()
    assert process.exitcode == -signal.SIGKILL
    assert process not in multiprocessing.active_children()
