"""Moments at which a sweep with trackers is hit, told by its progress and never by the clock alone.

Each waits until the sweep has come so far: on a slow machine it comes later and hits as hard.
"""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.history import FINISHED, read_history
from tests.chaos.live_sweep import LiveSweep
from tests.chaos.processes import PROC, children_of, is_alive
from tests.chaos.workspace import STUDY

TRACKERS = ("tensorboard", "mlflow")
MOST_EPOCHS, MOST_TRIALS = 6, 2
"""How much further a sweep may come before it is hit."""
START_CPU_S = 4.0
"""What a tracker's process needs to import its package and to make a new database."""
END_CPU_S = 0.5
"""What it needs to show the ends of the last trials."""
PICTURES_CPU_S = 4.0
"""What it needs to draw all pictures too."""
LOOK_EVERY_S = 0.01
LIMIT_S = 240.0


class Missed(Exception):
    """The sweep has ended before the moment came."""


class Progress:
    """How far a sweep has come, and how far its trackers have."""

    def __init__(self, sweep: LiveSweep, rng: Random) -> None:
        self._sweep = sweep
        self._rng = rng

    def trackers(self) -> dict[str, int]:
        """Return the processes of the trackers that are alive, by the names of their logs."""
        found = {}
        for pid in children_of(self._sweep.pid):
            with suppress(OSError):
                found[(PROC / str(pid) / "fd" / "2").readlink().stem] = pid
        return {name: pid for name, pid in found.items() if name in TRACKERS and is_alive(pid)}

    def finished(self) -> int:
        """Return the number of trials with an end in the database."""
        trials = [found[0] for found in read_history(self._sweep.workspace.database).values()]
        return sum(trial.state in FINISHED for trial in trials)

    def epochs(self) -> int:
        """Return the number of epochs that were written for the trackers."""
        journals = self._sweep.workspace.files.glob("*/tracking/epochs.jsonl")
        return sum(journal.read_bytes().count(b"{") for journal in journals) // 2

    def written(self, tracker: str) -> object:
        """Return what changes with each write of a tracker."""
        folder = self._sweep.workspace.folder
        if tracker == "mlflow":
            with suppress(OSError):
                return (folder / "mlflow.db").stat().st_mtime_ns
            return 0
        return _sizes((folder / "runs" / STUDY).glob("trial-*/*"))

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait for a condition.

        Raises:
            Missed: If the sweep ends before.
        """
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            if not self._sweep.running or time.monotonic() > deadline:
                raise Missed
            time.sleep(LOOK_EVERY_S)
        if not self._sweep.running:
            raise Missed

    def wait_for_work(self, tracker: str, *, most_cpu_s: float) -> None:
        """Wait until a tracker runs, and has then worked for a share of some processor time."""
        self.wait(lambda: tracker in self.trackers())
        pid = self.trackers().get(tracker, -1)
        wanted = _cpu_s(pid) + self._rng.uniform(0.0, most_cpu_s)
        self.wait(lambda: _cpu_s(pid) >= wanted or not is_alive(pid))

    def all_finished(self) -> bool:
        return self.finished() >= self._sweep.budget

    def draw(self, *, most: int) -> int:
        return self._rng.randint(1, most)


def _sizes(paths: Iterable[Path]) -> list[tuple[str, int]]:
    found = []
    for path in paths:
        with suppress(OSError):
            found.append((str(path), path.stat().st_size))
    return sorted(found)


def _cpu_s(pid: int) -> float:
    with suppress(OSError, IndexError):
        ticks = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return 0.0


@dataclass(frozen=True)
class Moment:
    """A moment in the life of a sweep.

    Attributes:
        name: For people.
        victims: What is killed then, one of them each time.
        wait: Waits for it; is given the tracker that it is about.
        is_last: Whether it comes after the last trial.
    """

    name: str
    victims: tuple[str, ...]
    wait: Callable[[Progress, str], None]
    is_last: bool = False


def _start(progress: Progress, tracker: str) -> None:
    progress.wait_for_work(tracker, most_cpu_s=START_CPU_S)


def _epoch(progress: Progress, tracker: str) -> None:
    wanted = progress.epochs() + progress.draw(most=MOST_EPOCHS)
    progress.wait(lambda: progress.epochs() >= wanted)


def _end(progress: Progress, tracker: str) -> None:
    wanted = progress.finished() + progress.draw(most=MOST_TRIALS)
    progress.wait(lambda: progress.finished() >= wanted)


def _end_shown(progress: Progress, tracker: str) -> None:
    wanted = progress.finished() + 1
    progress.wait(lambda: progress.finished() >= wanted)
    before = progress.written(tracker)
    progress.wait(lambda: progress.written(tracker) != before)


def _waited_for(progress: Progress, tracker: str) -> None:
    progress.wait(progress.all_finished)
    progress.wait_for_work(tracker, most_cpu_s=END_CPU_S)


def _pictures(progress: Progress, tracker: str) -> None:
    progress.wait(progress.all_finished)
    progress.wait_for_work(tracker, most_cpu_s=PICTURES_CPU_S)


ALL = ("coordinator", "worker", *TRACKERS)
BUT_WORKERS = ("coordinator", *TRACKERS)
MOMENTS = (
    Moment("while a tracker starts", (*TRACKERS, "mlflow"), _start),
    Moment("between epochs", ALL, _epoch),
    Moment("just after the end of a trial", ALL, _end),
    Moment("while the end of a trial is shown", BUT_WORKERS, _end_shown),
    Moment("while pictures are drawn", BUT_WORKERS, _pictures, is_last=True),
    Moment("while the trackers are waited for", BUT_WORKERS, _waited_for, is_last=True),
)
