"""Trials in processes on this machine, one per slot, each kept alive and replaced when it dies."""

import logging
import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from sweep.running.executor import EpochDone, TrialCancelled, TrialEvent, TrialFailed
from sweep.running.worker import CANCEL, QUIT, READY, serve
from sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
GRACE_S = 2.0


@dataclass
class _Slot:
    """A worker process and the trial it is at.

    Attributes:
        index: Which GPU it takes, where there are several.
        process: The worker.
        pipe: Our end of its pipe.
        spec: The trial it is at.
        ready: Whether it has loaded what it needs and listens.
        ended: Whether it was ended because its trial was cancelled before it listened.
    """

    index: int
    process: SpawnProcess
    pipe: Connection
    spec: TrialSpec | None = None
    ready: bool = False
    ended: bool = False


class LocalExecutor:
    """Implements ``Executor`` with spawned processes (a fork would copy torch's threads)."""

    def __init__(self, workers: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._workers = workers
        self._slots: list[_Slot] = []  # filled as trials come: a study may have few left

    @property
    def free_slots(self) -> int:
        """How many workers have no trial."""
        return self._workers - sum(slot.spec is not None for slot in self._slots)

    def submit(self, spec: TrialSpec) -> None:
        """Hand a trial to a free worker, a new one where the old one died."""
        busy = {slot.index for slot in self._slots if slot.spec is not None}
        index = min(set(range(self._workers)) - busy)
        if index == len(self._slots):
            self._slots.append(self._start(index))
        elif not self._slots[index].process.is_alive():
            self._slots[index].pipe.close()
            self._slots[index] = self._start(index)
        self._slots[index].spec = spec
        try:
            self._slots[index].pipe.send(spec.model_dump_json())
        except OSError:  # it died just now: poll finds the body and reports the trial
            logger.debug("worker %d died before trial %d reached it", index, spec.number)

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return messages of the workers, and a failure for each trial whose worker died."""
        busy = [slot for slot in self._slots if slot.spec is not None]
        ready = wait(
            [slot.pipe for slot in busy] + [slot.process.sentinel for slot in busy], timeout_s
        )
        events: list[TrialEvent] = []
        for slot in busy:
            if slot.pipe in ready or slot.process.sentinel in ready:
                events.extend(self._messages(slot))
        return events

    def cancel(self, number: int) -> None:
        """Send a cancel to the worker at this trial, if one still is."""
        for slot in self._slots:
            if slot.spec is None or slot.spec.number != number:
                continue
            if not slot.ready:  # it loads torch and hears nothing for seconds, and has nothing yet
                slot.ended = True
                slot.process.terminate()
                continue
            try:
                slot.pipe.send(CANCEL)
            except OSError:
                logger.debug("worker %d is gone, nothing to cancel", slot.index)

    def close(self) -> None:
        """Ask idle workers to quit and end those that do not within two seconds."""
        for slot in self._slots:
            try:
                slot.pipe.send(QUIT)
            except OSError:
                logger.debug("worker %d is gone already", slot.index)
        for slot in self._slots:
            slot.process.join(GRACE_S if slot.spec is None else 0)
            if slot.process.is_alive():
                slot.process.terminate()
                slot.process.join(GRACE_S)
            if slot.process.is_alive():
                slot.process.kill()
                slot.process.join()
            slot.pipe.close()
        self._slots = []

    def _start(self, index: int) -> _Slot:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve, args=(theirs, index), name=f"worker-{index}", daemon=True
        )
        # Ctrl-C reaches the whole process group: a worker is born deaf to it, since it could not
        # ignore it before it has imported torch. (Starting the tracker would end the block.)
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # ours reads end-of-file only once no copy of theirs is open
        return _Slot(index, process, ours)

    def _messages(self, slot: _Slot) -> list[TrialEvent]:
        events: list[TrialEvent] = []
        try:
            while slot.spec is not None and slot.pipe.poll():
                message = slot.pipe.recv()
                if message == READY:
                    slot.ready = True
                    continue
                event: TrialEvent = message
                events.append(event)
                if not isinstance(event, EpochDone):
                    slot.spec = None
        except (EOFError, OSError):
            logger.debug("worker %d closed its pipe", slot.index)
        if slot.spec is not None and not slot.process.is_alive():
            number, attempt = slot.spec.number, slot.spec.attempt
            if slot.ended:
                events.append(TrialCancelled(number, attempt))
            else:
                reason = f"its worker process died ({_how(slot.process.exitcode)})"
                events.append(TrialFailed(number, attempt, reason))
            slot.spec = None
        return events


def _how(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {-exitcode}" + (", perhaps out of memory" if exitcode == -9 else "")
    return f"exit code {exitcode}"
