"""Trials in processes on this machine, one per slot, each kept alive and replaced when it dies."""

import logging
import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from sweep.running.executor import EpochDone, TrialEvent, TrialFailed
from sweep.running.worker import CANCEL, QUIT, serve
from sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
GRACE_S = 2.0


@dataclass
class _Slot:
    """A worker process and the trial it is at."""

    index: int
    process: SpawnProcess
    pipe: Connection
    spec: TrialSpec | None = None


class LocalExecutor:
    """Implements ``Executor`` with spawned processes (a fork would copy torch's threads)."""

    def __init__(self, workers: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._slots = [self._start(index) for index in range(workers)]

    @property
    def free_slots(self) -> int:
        """How many workers have no trial."""
        return sum(slot.spec is None for slot in self._slots)

    def submit(self, spec: TrialSpec) -> None:
        """Hand a trial to a free worker, a new one where the old one died."""
        index = next(i for i, slot in enumerate(self._slots) if slot.spec is None)
        if not self._slots[index].process.is_alive():
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
            if slot.spec is not None and slot.spec.number == number:
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
                event: TrialEvent = slot.pipe.recv()
                events.append(event)
                if not isinstance(event, EpochDone):
                    slot.spec = None
        except (EOFError, OSError):
            logger.debug("worker %d closed its pipe", slot.index)
        if slot.spec is not None and not slot.process.is_alive():
            reason = f"its worker process died ({_how(slot.process.exitcode)})"
            events.append(TrialFailed(slot.spec.number, slot.spec.attempt, reason))
            slot.spec = None
        return events


def _how(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {-exitcode}" + (", perhaps out of memory" if exitcode == -9 else "")
    return f"exit code {exitcode}"
