"""Runs trials in worker processes of this machine, one per slot, replaced when they die."""

import logging
import os
import queue
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fieldsharp.sweep.execution.executor import CANCEL, PAUSE, QUIT, READY
from fieldsharp.sweep.execution.gpus import gpu_of
from fieldsharp.sweep.execution.leftover_processes import LeftoverProcesses, kill_marked
from fieldsharp.sweep.execution.local.entrypoint import serve
from fieldsharp.sweep.execution.local.forked_process import ForkedProcess, ForkServer
from fieldsharp.sweep.execution.local.worker_processes import (
    ProcessExit,
    Serve,
    WorkerProcess,
    WorkerProcesses,
    kill,
)
from fieldsharp.sweep.study.trial_events import End, TrialCancelled, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import Assignment, SharedData, TrialSpec

logger = logging.getLogger(__name__)
QUIT_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class _Death:
    """Put in the queue in place of a message: the worker died, or sent an unreadable message."""

    reason: str = ""


@dataclass(frozen=True)
class _NotForked:
    """Put in the queue in place of a message: the worker was never started."""


@dataclass(eq=False)
class _Slot:
    """A worker process and its running trial.

    Attributes:
        index: Number of the slot; with several GPUs it determines the worker's GPU.
        pipe: The coordinator's end of the pipe.
        marks: Identify the worker and its descendants, see ``leftover_processes``.
        spec: The running trial, None while there is none.
        assignment: What the worker was sent of it.
        ready: Whether the worker has loaded torch and accepts messages.
        cancelled: Whether it was killed because its trial was cancelled before it was ready.
    """

    index: int
    process: WorkerProcess
    pipe: Connection
    marks: range
    spec: TrialSpec | None = None
    assignment: str = ""
    ready: bool = False
    cancelled: bool = False


class LocalExecutor:
    """Implements ``Executor`` with processes that are forked from one that has loaded torch.

    This process itself is never forked, which would copy its threads. Where there is no safe fork
    each worker is spawned, and loads torch itself.

    A thread for each worker reads its messages, so that no worker ever waits for the coordinator,
    nor the coordinator for a worker that was stopped in the middle of a message.
    """

    def __init__(
        self,
        workers: int,
        work: Serve = serve,
        gpus: tuple[str, ...] = (),
        shared: SharedData | None = None,
        server: ForkServer | None = None,
    ) -> None:
        self._workers = workers
        self._processes = WorkerProcesses(work, server)
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
            self._failed_submits.append(_not_started(spec, error))
            return
        assignment = Assignment(spec=spec, checkpoints=checkpoints, shared=self._shared)
        self._hand(self._slots[index], spec, assignment.model_dump_json())

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
            if slot.process.pid is None:
                self._processes.replace_server()
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
            kill(slot.process)
        self._slots = []
        self._processes.close()
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

    def _hand(self, slot: _Slot, spec: TrialSpec, assignment: str) -> None:
        slot.spec, slot.assignment = spec, assignment
        self._send(slot, assignment)

    def _start(self, index: int) -> _Slot:
        marks = self._leftovers.next_marks()
        process, pipe = self._processes.start(index, gpu_of(index, self._gpus), marks)
        slot = _Slot(index, process, pipe, marks)
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
        if isinstance(message, _NotForked) and spec is not None and not slot.cancelled:
            return self._start_again(slot, spec)
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

    def _start_again(self, slot: _Slot, spec: TrialSpec) -> list[TrialEvent]:
        """Start another worker for a trial whose worker was not forked."""
        assert isinstance(slot.process, ForkedProcess), "others are started at once"
        self._processes.not_forked(slot.process)
        try:
            if slot.process.error:
                raise OSError(slot.process.error, os.strerror(slot.process.error))
            self._slots[slot.index] = self._start(slot.index)
        except OSError as error:
            slot.spec = None
            slot.process.kill()
            return [_not_started(spec, error)]
        self._hand(self._slots[slot.index], spec, slot.assignment)
        return []


def _read(slot: _Slot, messages: "queue.SimpleQueue[tuple[_Slot, object]]") -> None:
    """Put a worker's messages in the queue until it dies; runs in a thread of its own."""
    if isinstance(slot.process, ForkedProcess) and not slot.process.wait_started():
        messages.put((slot, _Death() if slot.cancelled else _NotForked()))
        slot.process.kill_when_started()
        return
    process_exit = ProcessExit(slot.process)
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


def _kill_tree(slot: _Slot) -> _Slot:
    """Kill the process of a slot and its descendants; return the slot without a trial."""
    kill(slot.process)
    kill_marked(slot.marks)
    return _Slot(slot.index, slot.process, slot.pipe, slot.marks, cancelled=slot.cancelled)


def _not_started(spec: TrialSpec, error: OSError) -> TrialFailed:
    reason = f"no worker process can be started ({error.strerror or error})"
    return TrialFailed(spec.number, spec.attempt, reason, "machine")


def _describe_exit(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {-exitcode}" + (", perhaps out of memory" if exitcode == -9 else "")
    return f"exit code {exitcode}"
