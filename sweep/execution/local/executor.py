"""Trials in processes on this machine, one per slot, each kept alive and replaced when it dies."""

import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from fieldsharp.sweep.execution.gpus import gpu_of
from fieldsharp.sweep.execution.leftover_processes import LeftoverProcesses, kill_marked
from fieldsharp.sweep.execution.local.entrypoint import serve
from fieldsharp.sweep.execution.messages import CANCEL, PAUSE, QUIT, READY, Assignment
from fieldsharp.sweep.study.trial_events import End, TrialCancelled, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
Serve = Callable[[Connection, str | None, int], None]
"""What a worker process does with its end of the pipe, its card and the coordinator's pid."""
GRACE_S = 2.0
KILLED_S = 10.0
"""One that waits for a dead disk does not even end when killed: it is left to itself."""
DEAF_TO = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Ctrl-C, and the end of a batch job, reach every process: the coordinator decides what becomes of
the trials. A worker is born deaf to them, since it could not ignore them before it has imported
torch."""


class _Gone:
    """In place of a message: the worker is dead, or sent what is none."""

    def __init__(self, why: str = "") -> None:
        self.why = why


@dataclass(eq=False)
class _Slot:
    """A worker process and the trial it is at.

    Attributes:
        index: Its place; where there are several cards, it says which one the worker takes.
        process: The worker.
        pipe: Our end of its pipe.
        marks: What it and its descendants are found by, see ``leftovers``.
        spec: The trial it is at.
        ready: Whether it has loaded what it needs and listens.
        ended: Whether it was ended because its trial was cancelled before it listened.
    """

    index: int
    process: SpawnProcess
    pipe: Connection
    marks: range
    spec: TrialSpec | None = None
    ready: bool = False
    ended: bool = False


class LocalExecutor:
    """Implements ``Executor`` with spawned processes (a fork would copy torch's threads).

    A thread for each worker reads its messages, so that no worker ever waits for the coordinator,
    nor the coordinator for a worker that was frozen in the middle of a message.

    Args:
        workers: How many trials at a time.
        work: What each process does.
        cards: Graphics cards that are dealt out to the workers.
    """

    def __init__(self, workers: int, work: Serve = serve, cards: tuple[str, ...] = ()) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._workers = workers
        self._work = work
        self._cards = cards
        self._leftovers = LeftoverProcesses()
        self._slots: list[_Slot] = []  # filled as trials come: a study may have few left
        self._messages: queue.SimpleQueue[tuple[_Slot, object]] = queue.SimpleQueue()
        self._not_begun: list[TrialEvent] = []

    @property
    def free_slots(self) -> int:
        """How many workers have no trial."""
        return self._workers - sum(slot.spec is not None for slot in self._slots)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Hand a trial to a free worker, a new one where the old one died.

        Where none can be started the trial fails for that reason, at the next poll.
        """
        busy = {slot.index for slot in self._slots if slot.spec is not None}
        index = min(set(range(self._workers)) - busy)
        try:
            if index == len(self._slots):
                self._slots.append(self._start(index))
            elif not self._slots[index].process.is_alive():
                self._slots[index] = self._start(index)
        except OSError as error:  # no memory, no process or no descriptor is left for it
            reason = f"no worker process can be started ({error.strerror or error})"
            self._not_begun.append(TrialFailed(spec.number, spec.attempt, reason, "machine"))
            return
        self._slots[index].spec = spec
        assignment = Assignment(spec=spec, checkpoints=checkpoints)
        self._send(self._slots[index], assignment.model_dump_json())

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return messages of the workers, and a failure for each trial whose worker died."""
        events, self._not_begun = self._not_begun, []
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                left = 0.0 if events else max(0.0, deadline - time.monotonic())
                slot, message = self._messages.get(timeout=left)
            except queue.Empty:
                return events
            if slot in self._slots:  # else of a worker that was replaced
                events += self._understand(slot, message)

    def cancel(self, number: int) -> None:
        """Tell the worker at this trial to end it."""
        self._tell(number, CANCEL)

    def pause(self, number: int) -> None:
        """Tell the worker at this trial to end it after the epoch."""
        self._tell(number, PAUSE)

    def kill(self, number: int) -> None:
        """End the worker at this trial, even one that is frozen; nothing follows."""
        for slot in self._at(number):
            self._slots[slot.index] = _ended(slot)

    def close(self) -> None:
        """Ask idle workers to quit and end those that do not within two seconds."""
        for slot in self._slots:
            if slot.spec is None:
                self._send(slot, QUIT)
        deadline = time.monotonic() + GRACE_S
        for slot in self._slots:
            if slot.spec is None:
                slot.process.join(max(0.0, deadline - time.monotonic()))
            _kill(slot)
        self._slots = []
        self._leftovers.close()

    def _at(self, number: int) -> list[_Slot]:
        return [slot for slot in self._slots if slot.spec and slot.spec.number == number]

    def _tell(self, number: int, what: str) -> None:
        for slot in self._at(number):
            if slot.ready:
                self._send(slot, what)
            else:  # it loads torch and hears nothing for seconds, and has nothing yet
                slot.ended = True
                slot.process.kill()

    def _send(self, slot: _Slot, message: str) -> None:
        try:
            slot.pipe.send(message)
        except OSError:  # its end is on its way through the queue
            logger.debug("worker %d died before it heard %.20s", slot.index, message)

    def _start(self, index: int) -> _Slot:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=self._work,
            args=(theirs, gpu_of(index, self._cards), os.getpid()),
            name=f"worker-{index}",
            daemon=True,
        )
        resource_tracker.ensure_running()  # here, as starting it would end the block below
        before = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # ours reads end-of-file only once no copy of theirs is open
        assert process.pid is not None, "it was started"
        slot = _Slot(index, process, ours, self._leftovers.mark_worker(process.pid))
        reader = threading.Thread(
            target=_read, args=(slot, self._messages), name=f"reader-{index}", daemon=True
        )
        try:
            reader.start()
        except RuntimeError as error:  # in place of what the system says
            process.kill()
            raise OSError(str(error)) from error
        return slot

    def _understand(self, slot: _Slot, message: object) -> list[TrialEvent]:
        """Return what a message means for the trial its worker is at."""
        spec = slot.spec
        if isinstance(message, str) and message == READY:  # an array would compare each value
            slot.ready = True
            return []
        if isinstance(message, TrialEvent):
            if isinstance(message, End):
                slot.spec = None
            return [message] if spec is not None else []
        self._slots[slot.index] = _ended(slot)
        if spec is None:
            return []  # it died idle: the next trial gets another
        if slot.ended:
            return [TrialCancelled(spec.number, spec.attempt)]
        why = message.why if isinstance(message, _Gone) else f"it sent a {type(message).__name__}"
        reason = f"its worker process died ({why or _how(slot.process.exitcode)})"
        return [TrialFailed(spec.number, spec.attempt, reason, "worker")]


def _read(slot: _Slot, messages: "queue.SimpleQueue[tuple[_Slot, object]]") -> None:
    """Pass on what a worker sends until it is dead: the work of its thread."""
    ended = _Exit(slot.process)
    while True:
        try:
            # The process too: a child of it may hold the pipe open.
            wait([slot.pipe, ended.descriptor])
            if not slot.pipe.poll():
                break
            message = slot.pipe.recv()
        except (EOFError, OSError):
            break
        except Exception as error:  # noqa: BLE001 - bytes that are no message may raise anything
            messages.put((slot, _Gone(f"it sent what is no message: {type(error).__name__}")))
            return
        messages.put((slot, message))
    messages.put((slot, _Gone()))


class _Exit:
    """Something to wait for that is ready once a process has ended.

    Not its sentinel where there is better: that is a pipe, which a child that the process forked
    holds open.

    Attributes:
        descriptor: What to wait for; good as long as this is there.
    """

    def __init__(self, process: SpawnProcess) -> None:
        self._own: int | None = None
        self.descriptor = process.sentinel
        if hasattr(os, "pidfd_open") and process.pid is not None:
            with suppress(OSError):  # an old kernel, or it was waited for already
                self._own = self.descriptor = os.pidfd_open(process.pid)

    def __del__(self) -> None:
        if self._own is not None:
            os.close(self._own)


def _ended(slot: _Slot) -> _Slot:
    """End the process of a slot and all it started, and return the slot without a trial."""
    _kill(slot)
    kill_marked(slot.marks)
    return _Slot(slot.index, slot.process, slot.pipe, slot.marks, ended=slot.ended)


def _kill(slot: _Slot) -> None:
    """End the process of a slot, however it hangs."""
    slot.process.kill()  # not terminate, which it is deaf to
    deadline = time.monotonic() + KILLED_S
    # Not join with a limit: that waits for a pipe which a child of the worker may hold open.
    while slot.process.exitcode is None and time.monotonic() < deadline:
        time.sleep(0.002)


def _how(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {-exitcode}" + (", perhaps out of memory" if exitcode == -9 else "")
    return f"exit code {exitcode}"
