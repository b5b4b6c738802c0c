"""The process that workers are forked from: one thread, one torch, and what happens if it dies."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import ConfigError, FieldsharpError
from fieldsharp.core.secret_variables import SECRET_VARIABLES
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.leftover_processes import HIGHEST
from fieldsharp.sweep.execution.local import worker_processes
from fieldsharp.sweep.execution.local.executor import LocalExecutor
from fieldsharp.sweep.execution.local.forked_call import NotForked, called
from fieldsharp.sweep.execution.local.forked_process import (
    ForkedProcess,
    ForkServer,
    can_fork,
    wait_for_end,
)
from fieldsharp.sweep.study.trial_events import EpochDone, TrialDone, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.chaos.processes import is_alive

pytestmark = pytest.mark.skipif(not can_fork(), reason="no process is forked on this system")

LIMIT_S = 180.0
LONG = 100_000
TELLING = """
import os, random, sys
import numpy
from fieldsharp.core.secret_variables import SECRET_VARIABLES as SECRETS

def tell(pipe, server_pid):
    torch = sys.modules.get("torch")
    pipe.send({
        "parent": os.getppid(), "server": server_pid, "folder": os.getcwd(),
        "threads": len(os.listdir("/proc/self/task")), "torch": torch is not None,
        "cuda": torch is not None and torch.cuda.is_initialized(),
        "seen": {name: os.environ[name] for name in ("MARKER", *SECRETS) if name in os.environ},
        "draws": (random.random(), float(numpy.random.rand())),
    })
    pipe.recv()

def threaded(pipe, server_pid):
    pipe.send("forked")
"""
THREADED = """
import threading, time
threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "telling.py").write_text(TELLING, encoding="utf-8")
    (folder / "with_a_thread.py").write_text(THREADED, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def server(modules: Path) -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def _told(server: ForkServer, name: str = "tell") -> tuple[ForkedProcess, Connection]:
    process, pipe = server.fork(getattr(import_module("telling"), name), "a fork", HIGHEST)
    return process, pipe


def test_a_fork_has_torch_one_thread_no_secret_and_draws_of_its_own(
    server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKER", "as it is now")
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.chdir(tmp_path)
    found = []
    for _ in range(2):
        process, pipe = _told(server)
        assert process.wait_started()
        found.append(pipe.recv())
        pipe.close()
        wait_for_end(process, LIMIT_S)
        assert process.exitcode == 0
    for told in found:
        assert (told["parent"], told["server"]) == (server.pid, server.pid)
        assert (told["torch"], told["cuda"], told["threads"]) == (True, False, 1)
        assert told["folder"] == str(tmp_path)
        assert told["seen"] == {"MARKER": "as it is now"}
    assert found[0]["draws"][0] != found[1]["draws"][0]
    assert found[0]["draws"][1] != found[1]["draws"][1]


def test_a_server_with_threads_forks_nothing(modules: Path) -> None:
    server = ForkServer(("with_a_thread",))
    process, _ = _told(server, "threaded")
    assert not process.wait_started()
    assert process.refused
    server.close()


def test_a_fork_ends_with_its_server(modules: Path) -> None:
    server = ForkServer(("telling",))
    process, pipe = _told(server)
    pipe.recv()
    assert process.wait_started()
    assert process.pid is not None
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + LIMIT_S
    while is_alive(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.exitcode == -signal.SIGKILL
    server.close()


def _until(executor: LocalExecutor, *kinds: type[TrialEvent]) -> TrialEvent:
    deadline = time.monotonic() + LIMIT_S
    while True:
        assert time.monotonic() < deadline
        for event in executor.poll(0.2):
            if isinstance(event, kinds):
                return event


@pytest.fixture
def spec(tiny_config: SweepConfig) -> TrialSpec:
    return TrialSpec(number=3, run=tiny_config.run_with({"training.epochs": 1}))


def test_trials_go_on_in_forks_of_a_new_server_where_the_first_was_killed(
    tiny_config: SweepConfig, spec: TrialSpec
) -> None:
    executor = LocalExecutor(1)
    executor.submit(TrialSpec(number=2, run=tiny_config.run_with({"training.epochs": LONG})))
    _until(executor, EpochDone)
    first = executor._processes._server
    assert first is not None
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    end = _until(executor, TrialDone, TrialFailed)
    assert isinstance(end, TrialFailed)
    assert end.cause == "worker"
    executor.submit(spec)
    assert isinstance(_until(executor, TrialDone, TrialFailed), TrialDone)
    second = executor._processes._server
    assert second is not None
    assert second.pid != first.pid
    executor.close()
    assert not is_alive(second.pid or 0)


def test_no_attempt_is_lost_where_the_server_dies_before_its_first_fork(spec: TrialSpec) -> None:
    executor = LocalExecutor(1)
    executor.submit(spec)
    server = executor._processes._server
    assert server is not None
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert isinstance(_until(executor, TrialDone, TrialFailed), TrialDone)
    assert not isinstance(executor._slots[0].process, ForkedProcess)  # spawned
    executor.close()


def test_where_nothing_can_be_forked_workers_are_spawned(
    spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_processes, "can_fork", lambda: False)
    executor = LocalExecutor(1)
    executor.submit(spec)
    assert isinstance(_until(executor, TrialDone, TrialFailed), TrialDone)
    assert not isinstance(executor._slots[0].process, ForkedProcess)
    executor.close()


def _nothing() -> None:
    pass


def _refuse(value: int) -> None:
    logging.getLogger("fieldsharp.test").warning("value %d is looked at", value)
    raise ConfigError(f"{value} is wrong")


def _exit(code: int) -> None:
    os._exit(code)


def test_a_call_gives_its_result_its_log_and_its_error(
    server: ForkServer, caplog: pytest.LogCaptureFixture
) -> None:
    with called(server, os.getppid, meanwhile=_nothing) as parent:
        assert parent == server.pid
    with (
        pytest.raises(ConfigError, match=r"^7 is wrong$"),
        called(server, _refuse, 7, meanwhile=_nothing),
    ):
        pass
    assert "value 7 is looked at" in caplog.messages


def test_a_call_whose_process_dies_is_told_in_a_sentence(server: ForkServer) -> None:
    with (
        pytest.raises(FieldsharpError, match=r"checks the sweep died \(exit code 4\)"),
        called(server, _exit, 4, meanwhile=_nothing),
    ):
        pass


def test_a_call_on_a_server_that_is_gone_is_not_made() -> None:
    server = ForkServer(("json",))
    server.close()
    with pytest.raises(NotForked), called(server, os.getpid, meanwhile=_nothing):
        pass


def test_a_server_that_is_not_closed_does_not_keep_its_program(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from fieldsharp.sweep.execution.local.forked_process import ForkServer\n"
        "if __name__ == '__main__':\n    ForkServer(('json',))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, program], env=environment, check=True, timeout=60)
