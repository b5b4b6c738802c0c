"""A sweep and the plain script on the same configurations, as programs, with their memory."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from optuna.trial import FrozenTrial

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import trial_record, trial_spec

LOOK_EVERY_S = 0.1
PROC = Path("/proc")
WORKER = "spawn_main"
"""Part of the command line of every process that Python's multiprocessing spawns, and its forks."""


class MemoryWatch:
    """Records the memory of a program and its child processes until it has ended.

    Read from /proc: ``getrusage`` starts a child with the figure of its parent. Of all processes
    together it is the proportional set size: a page that several processes share counts once.

    Attributes:
        peaks_mb: By process, the most memory it held so far (resident, shared pages included).
        parents: By process, the one that started it.
        spawned: Process ids of what multiprocessing spawned, and of its forks.
        most_mb: The most of all processes at one time, proportional.
    """

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        self.peaks_mb: dict[int, float] = {}
        self.parents: dict[int, int] = {}
        self.spawned: set[int] = set()
        self.most_mb = 0.0
        self._program = program
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def workers(self) -> set[int]:
        """The workers: the forks of a spawned process, or where it has none that process."""
        forks = {pid for pid in self.spawned if self.parents.get(pid) in self.spawned}
        return forks or self.spawned

    def end(self) -> None:
        """Wait until the program has ended and all is recorded."""
        self._thread.join()

    def _watch(self) -> None:
        while self._program.poll() is None:
            self.most_mb = max(self.most_mb, self._look(self._program.pid))
            try:
                self._program.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue

    def _look(self, pid: int) -> float:
        """Look at a process and those it started; return their proportional memory in MB."""
        folder = PROC / str(pid)
        try:
            self.peaks_mb[pid] = _mb((folder / "status").read_text(encoding="utf-8"), "VmHWM:")
            now_mb = _mb((folder / "smaps_rollup").read_text(encoding="utf-8"), "Pss:")
            if WORKER in (folder / "cmdline").read_text(encoding="utf-8"):
                self.spawned.add(pid)
            lists = [path.read_text() for path in folder.glob("task/*/children")]
        except (OSError, ValueError):  # it has just ended
            return 0.0
        for child in map(int, " ".join(lists).split()):
            self.parents[child] = pid
            now_mb += self._look(child)
        return now_mb


def _mb(told: str, name: str) -> float:
    """Return a line of what the kernel tells of a process.

    Raises:
        ValueError: If it has ended and holds nothing any more.
    """
    for line in told.splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no {name}")


RANDOM = (
    "search.sampler=random",
    "search.pruner=none",
    "search.presets=baseline",
    "budget.stop_on_nothing_to_fix=false",
)


@dataclass(frozen=True)
class ProgramRun:
    """Time and memory of a program.

    Attributes:
        trials: How many it trained.
        whole_s: From its start to its exit.
        at_work_s: From where its first trial has all it needs to the end of its last.
        workers_mb: The most memory of each process that trains, resident; of one that was not
            watched nothing.
        all_mb: The most of all its processes at one time, proportional.
    """

    trials: int
    whole_s: float
    at_work_s: float
    workers_mb: tuple[float, ...]
    all_mb: float


def run_pair(
    config: Path, changes: Sequence[str], folder: Path, *, watched: bool = False
) -> tuple[ProgramRun, ProgramRun]:
    """Run a sweep, and then the plain script on the same configurations.

    Args:
        config: Of the sweep.
        changes: To it, such as how many trials.
        folder: Empty folder for both databases.
        watched: Whether their memory is recorded, for which both stand still ten times a second.

    Raises:
        RuntimeError: If one of them fails.
    """
    config, changes = config.resolve(), [*RANDOM, *changes]
    url = f"sqlite:///{folder / 'ours.db'}"
    settings = [word for change in changes for word in ("--set", change)]
    start = [str(PROJECT / "run_sweep.py"), "start", str(config), "--storage", url, "--quiet"]
    whole_s, _, watch = _run([*start, *settings], folder, watched=watched)
    study = load_study(open_database(url, "read"), load_config(config, changes).config.study)
    trials = study.get_trials(deepcopy=False)
    workers = tuple(watch.peaks_mb[pid] for pid in sorted(watch.workers)) if watch else ()
    most_mb = watch.most_mb if watch else 0.0
    ours = ProgramRun(len(trials), whole_s, _at_work_s(trials), workers, most_mb)
    asked = folder / "configurations.json"
    asked.write_text(json.dumps([_configuration(trial) for trial in trials]), encoding="utf-8")
    script = ["-m", "benchmarks.plain_training", str(config), str(folder / "plain.db"), str(asked)]
    whole_s, said, watch = _run([*script, *changes], folder, watched=watched)
    told = json.loads(said)
    own = tuple(watch.peaks_mb.values()) if watch else ()
    most_mb = watch.most_mb if watch else 0.0
    return ours, ProgramRun(told["trials"], whole_s, told["seconds"], own, most_mb)


def _run(
    arguments: Sequence[str], folder: Path, *, watched: bool
) -> tuple[float, str, MemoryWatch | None]:
    """Run Python with arguments; return seconds, output and memory."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,  # a sweep writes next.yaml to the working directory
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        watch = MemoryWatch(program) if watched else None
        printed, complaint = program.communicate()
        whole_s = time.perf_counter() - began
        if watch is not None:
            watch.end()
    if program.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {complaint.strip()[-2000:]}")
    return whole_s, printed, watch


def _at_work_s(trials: Sequence[FrozenTrial]) -> float:
    """Return the time from the first trial's begin to the last one's end, failed ones left out."""
    ends = [trial.datetime_complete for trial in trials if trial.datetime_complete is not None]
    began = []
    for trial in trials:
        record = trial_record(trial)
        if record is not None and trial.datetime_complete is not None:
            began.append(trial.datetime_complete - timedelta(seconds=record.seconds))
    return (max(ends) - min(began)).total_seconds()


def _configuration(trial: FrozenTrial) -> dict[str, float | str]:
    """Return the parameters of a trial by their names in the plain script."""
    spec = trial_spec(trial)
    assert spec is not None, "every trial was handed out"
    loss = spec.run.loss
    return {
        "loss_variant": loss.variant,
        "gradient_weight": max(0.01, loss.gradient_weight),
        "multi_step": loss.multi_step,
        "learning_rate": spec.run.training.learning_rate,
    }
