"""Runs trials in worker processes of this machine, one per slot, replaced when they die."""

import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import ModuleType

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.working_folder import safe_path
from fieldsharp.storage.location.paths import SERIES
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.executor import CANCEL, PAUSE, QUIT, READY, Executor, ExecutorPlan
from fieldsharp.sweep.execution.gpus import (
    CUDA_VISIBLE_DEVICES,
    describe_workers,
    gpu_of,
    visible_gpus,
    worker_count,
)
from fieldsharp.sweep.execution.leftover_processes import LeftoverProcesses, kill_marked
from fieldsharp.sweep.execution.local.entrypoint import serve
from fieldsharp.sweep.study.shared_data import shared_data
from fieldsharp.sweep.study.trial_events import End, TrialCancelled, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import Assignment, SharedData, TrialSpec

logger = logging.getLogger(__name__)
Serve = Callable[[Connection, str | None, int], None]
"""Main function of a worker process: of its end of the pipe, its GPU and the coordinator's pid."""
QUIT_TIMEOUT_S = 2.0
KILL_TIMEOUT_S = 10.0
"""A process blocked on a failed disk does not end even when killed: it is abandoned."""
BLOCKED_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Ctrl-C, and the end of a batch job, reach every process: the coordinator decides what becomes of
the trials. A worker is started with them blocked, since it could not ignore them before it has
imported its modules."""
_SPAWNING = threading.Lock()


@dataclass(frozen=True)
class _Death:
    """Put in the queue in place of a message: the worker died, or sent an unreadable message."""

    reason: str = ""


@dataclass(eq=False)
class _Slot:
    """A worker process and its running trial.

    Attributes:
        index: Number of the slot; with several GPUs it determines the worker's GPU.
        pipe: The coordinator's end of the pipe.
        marks: Identify the worker and its descendants, see ``leftover_processes``.
        ready: Whether the worker has loaded torch and accepts messages.
        cancelled: Whether it was killed because its trial was cancelled before it was ready.
    """

    index: int
    process: SpawnProcess
    pipe: Connection
    marks: range
    spec: TrialSpec | None = None
    ready: bool = False
    cancelled: bool = False


class LocalExecutor:
    """Implements ``Executor`` with spawned processes (a fork would copy torch's threads).

    A thread for each worker reads its messages, so that no worker ever waits for the coordinator,
    nor the coordinator for a worker that was stopped in the middle of a message.
    """

    def __init__(
        self,
        workers: int,
        work: Serve = serve,
        gpus: tuple[str, ...] = (),
        shared: SharedData | None = None,
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._workers = workers
        self._work = work
        self._gpus = gpus
        self._shared = shared
        self._leftovers = LeftoverProcesses()
        self._slots: list[_Slot] = []  # filled as trials are submitted: a study may have few left
        self._messages: queue.SimpleQueue[tuple[_Slot, object]] = queue.SimpleQueue()
        self._failed_submits: list[TrialEvent] = []

    @property
    def free_slots(self) -> int:
        """How many workers have no trial."""
        return self._workers - sum(slot.spec is not None for slot in self._slots)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Hand a trial to an idle worker, a new one if the old one died.

        If none can be started the trial fails for that reason, at the next poll.
        """
        busy = {slot.index for slot in self._slots if slot.spec is not None}
        index = min(set(range(self._workers)) - busy)
        try:
            if index == len(self._slots):
                self._slots.append(self._start(index))
            elif not self._slots[index].process.is_alive():
                self._slots[index] = self._start(index)
        except OSError as error:  # out of memory, processes or descriptors
            reason = f"no worker process can be started ({error.strerror or error})"
            self._failed_submits.append(TrialFailed(spec.number, spec.attempt, reason, "machine"))
            return
        self._slots[index].spec = spec
        assignment = Assignment(spec=spec, checkpoints=checkpoints, shared=self._shared)
        self._send(self._slots[index], assignment.model_dump_json())

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return messages of the workers, and a failure for each trial whose worker died."""
        events, self._failed_submits = self._failed_submits, []
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                left = 0.0 if events else max(0.0, deadline - time.monotonic())
                slot, message = self._messages.get(timeout=left)
            except queue.Empty:
                return events
            if slot in self._slots:  # else from a worker that was replaced
                events += self._handle(slot, message)

    def cancel(self, number: int) -> None:
        """Tell the worker of this trial to end it."""
        self._notify(number, CANCEL)

    def pause(self, number: int) -> None:
        """Tell the worker of this trial to end it after the current epoch."""
        self._notify(number, PAUSE)

    def kill(self, number: int) -> None:
        """Kill the worker of this trial, even one that is stopped; no event follows."""
        for slot in self._slots_of(number):
            self._slots[slot.index] = _kill_tree(slot)

    def close(self) -> None:
        """Ask idle workers to quit and end those that do not within two seconds."""
        for slot in self._slots:
            if slot.spec is None:
                self._send(slot, QUIT)
        deadline = time.monotonic() + QUIT_TIMEOUT_S
        for slot in self._slots:
            if slot.spec is None:
                slot.process.join(max(0.0, deadline - time.monotonic()))
            _kill(slot)
        self._slots = []
        self._leftovers.close()

    def _slots_of(self, number: int) -> list[_Slot]:
        return [slot for slot in self._slots if slot.spec and slot.spec.number == number]

    def _notify(self, number: int, message: str) -> None:
        for slot in self._slots_of(number):
            if slot.ready:
                self._send(slot, message)
            else:  # it imports torch for seconds and has computed nothing yet
                slot.cancelled = True
                slot.process.kill()

    def _send(self, slot: _Slot, message: str) -> None:
        try:
            slot.pipe.send(message)
        except OSError:  # its death is already in the queue
            logger.debug("worker %d died before it received %.20s", slot.index, message)

    def _start(self, index: int) -> _Slot:
        pipe, worker_end = self._context.Pipe()
        process = self._context.Process(
            target=self._work,
            args=(worker_end, gpu_of(index, self._gpus), os.getpid()),
            name=f"worker-{index}",
            daemon=True,
        )
        with safe_path():
            # Now: starting it later would unblock the signals below.
            resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
        try:
            with safe_path(), _without_main_module():
                process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        worker_end.close()  # the pipe reads end-of-file only once no copy of this end is open
        assert process.pid is not None, "the process was started"
        slot = _Slot(index, process, pipe, self._leftovers.mark_worker(process.pid))
        reader = threading.Thread(
            target=_read, args=(slot, self._messages), name=f"reader-{index}", daemon=True
        )
        try:
            reader.start()
        except RuntimeError as error:  # Python's error when the system has no thread left
            process.kill()
            raise OSError(str(error)) from error
        return slot

    def _handle(self, slot: _Slot, message: object) -> list[TrialEvent]:
        """Update a slot after a message, and return the events of its trial."""
        spec = slot.spec
        # Comparing an array would compare each value.
        if isinstance(message, str) and message == READY:
            slot.ready = True
            return []
        if isinstance(message, TrialEvent):
            if isinstance(message, End):
                slot.spec = None
            return [message] if spec is not None else []
        self._slots[slot.index] = _kill_tree(slot)
        if spec is None:
            return []  # it died idle: the next trial gets a new one
        if slot.cancelled:
            return [TrialCancelled(spec.number, spec.attempt)]
        reason = (
            message.reason
            if isinstance(message, _Death)
            else f"it sent an unknown message of type {type(message).__name__}"
        )
        sentence = f"its worker process died ({reason or _describe_exit(slot.process.exitcode)})"
        return [TrialFailed(spec.number, spec.attempt, sentence, "worker")]


def local_plan(config: SweepConfig) -> ExecutorPlan:
    """Return the plan of an executor on this machine.

    Raises:
        ConfigError: If the configured device is missing.
    """
    from fieldsharp.model.device import count_gpus  # here, because it imports torch

    gpus = visible_gpus(count_gpus(config.training), os.environ.get(CUDA_VISIBLE_DEVICES))
    description = describe_workers(config.workers, len(gpus))
    if description:
        level = logging.INFO if gpus else logging.WARNING
        logger.log(level, "%s: %s", config.study, description)
    workers = worker_count(config.workers, len(gpus))

    def executor(folder: Path) -> Executor:
        _fetch_checkpoints(config, folder)
        return LocalExecutor(workers, gpus=gpus, shared=shared_data(config, folder.parent / SERIES))

    return ExecutorPlan(workers, executor)


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Hide the program that is run from a process that is being spawned.

    It would import that program, and a script that starts a sweep without the usual guard would
    start it again in every worker. Nothing that a worker is given is defined there.
    """
    with _SPAWNING:
        program = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = program


def _fetch_checkpoints(config: SweepConfig, folder: Path) -> None:
    """Fetch the checkpoints that an earlier run of the study on a cluster left in the mirror."""
    if config.ray.checkpoints is None:
        return
    from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
    from fieldsharp.sweep.execution.checkpoint_transfer import CheckpointTransfer

    try:
        mirror = CheckpointSync(config.ray.checkpoints)
    except ConfigError as error:
        logger.warning("%s: %s", config.study, error)
        return
    CheckpointTransfer(mirror, folder).fetch_all()


def _read(slot: _Slot, messages: "queue.SimpleQueue[tuple[_Slot, object]]") -> None:
    """Put a worker's messages in the queue until it dies; runs in a thread of its own."""
    process_exit = _ProcessExit(slot.process)
    while True:
        try:
            # The process too: a child of it may hold the pipe open.
            wait([slot.pipe, process_exit.descriptor])
            if not slot.pipe.poll():
                break
            message = slot.pipe.recv()
        except (EOFError, OSError):
            break
        except Exception as error:  # noqa: BLE001 - unreadable bytes may raise anything
            messages.put((slot, _Death(f"it sent an unreadable message: {type(error).__name__}")))
            return
        messages.put((slot, message))
    messages.put((slot, _Death()))


class _ProcessExit:
    """Holds a descriptor that becomes readable once a process has ended.

    A pidfd where the kernel has it: the sentinel of ``multiprocessing`` is a pipe, which a child
    forked by the process holds open.

    Attributes:
        descriptor: Valid as long as this object exists.
    """

    def __init__(self, process: SpawnProcess) -> None:
        self._own: int | None = None
        self.descriptor = process.sentinel
        if hasattr(os, "pidfd_open") and process.pid is not None:
            with suppress(OSError):  # an old kernel, or the process was already waited for
                self._own = self.descriptor = os.pidfd_open(process.pid)

    def __del__(self) -> None:
        if self._own is not None:
            os.close(self._own)


def _kill_tree(slot: _Slot) -> _Slot:
    """Kill the process of a slot and its descendants; return the slot without a trial."""
    _kill(slot)
    kill_marked(slot.marks)
    return _Slot(slot.index, slot.process, slot.pipe, slot.marks, cancelled=slot.cancelled)


def _kill(slot: _Slot) -> None:
    """Kill the process of a slot and wait for its end."""
    slot.process.kill()  # not terminate: that signal is blocked
    deadline = time.monotonic() + KILL_TIMEOUT_S
    # Not join with a timeout: that waits for a pipe which a child of the worker may hold open.
    while slot.process.exitcode is None and time.monotonic() < deadline:
        time.sleep(0.002)


def _describe_exit(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {-exitcode}" + (", perhaps out of memory" if exitcode == -9 else "")
    return f"exit code {exitcode}"
