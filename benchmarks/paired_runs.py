"""A sweep of ours and the plain script on the same configurations, each as a program of its own."""

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

LOOK_EVERY_S = 0.05
PROC = Path("/proc")
WORKER = "spawn_main"
"""In the command line of every process that Python's multiprocessing spawns to work."""


class MemoryWatch:
    """Looks at a running program and all it started, until it has ended.

    Attributes:
        peaks_mb: By process, the most memory it held so far (resident).
        workers: Those that were spawned to work.
    """

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        self.peaks_mb: dict[int, float] = {}
        self.workers: set[int] = set()
        self._program = program
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wait for the last look."""
        self._thread.join()

    def _watch(self) -> None:
        while self._program.poll() is None:
            self._look(self._program.pid)
            try:
                self._program.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue

    def _look(self, pid: int) -> None:
        folder = PROC / str(pid)
        try:
            self.peaks_mb[pid] = _peak_mb((folder / "status").read_text(encoding="utf-8"))
            if WORKER in (folder / "cmdline").read_text(encoding="utf-8"):
                self.workers.add(pid)
            lists = [path.read_text() for path in folder.glob("task/*/children")]
        except (OSError, ValueError):  # it has just ended
            return
        for child in " ".join(lists).split():
            self._look(int(child))


def _peak_mb(status: str) -> float:
    """Return the high-water mark of a process.

    Raises:
        ValueError: If it has ended and holds nothing any more.
    """
    for line in status.splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmHWM")


RANDOM = (
    "search.sampler=random",
    "search.pruner=none",
    "search.presets=baseline",
    "budget.stop_on_nothing_to_fix=false",
)


@dataclass(frozen=True)
class ProgramRun:
    """What a program took.

    Attributes:
        trials: How many it trained.
        whole_s: From its start to its exit.
        at_work_s: From where its first trial has all it needs to the end of its last.
        workers_mb: The most memory of each process that trains.
        all_mb: The same of all its processes together.
    """

    trials: int
    whole_s: float
    at_work_s: float
    workers_mb: tuple[float, ...]
    all_mb: float


def run_pair(config: Path, changes: Sequence[str], folder: Path) -> tuple[ProgramRun, ProgramRun]:
    """Run a sweep, and then the plain script on what it trained.

    Args:
        config: Of the sweep.
        changes: To it, such as how many trials.
        folder: For both databases; nothing of an earlier pair is in it.

    Raises:
        RuntimeError: If one of them fails.
    """
    config, changes = config.resolve(), [*RANDOM, *changes]
    url = f"sqlite:///{folder / 'ours.db'}"
    settings = [word for change in changes for word in ("--set", change)]
    start = [str(PROJECT / "run_sweep.py"), "start", str(config), "--storage", url, "--quiet"]
    whole_s, _, watch = _run([*start, *settings], folder)
    study = load_study(open_database(url, "read"), load_config(config, changes).config.study)
    trials = study.get_trials(deepcopy=False)
    workers = tuple(watch.peaks_mb[pid] for pid in sorted(watch.workers))
    all_mb = sum(watch.peaks_mb.values())
    ours = ProgramRun(len(trials), whole_s, _at_work_s(trials), workers, all_mb)
    asked = folder / "configurations.json"
    asked.write_text(json.dumps([_configuration(trial) for trial in trials]), encoding="utf-8")
    script = ["-m", "benchmarks.plain_training", str(config), str(folder / "plain.db"), str(asked)]
    whole_s, said, watch = _run([*script, *changes], folder)
    told = json.loads(said)
    all_mb = sum(watch.peaks_mb.values())
    return ours, ProgramRun(told["trials"], whole_s, told["seconds"], (all_mb,), all_mb)


def _run(arguments: Sequence[str], folder: Path) -> tuple[float, str, MemoryWatch]:
    """Return how long Python took over this, what it printed, and what memory it held."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,  # a sweep leaves a configuration to go on with where it was started
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        watch = MemoryWatch(program)
        printed, complaint = program.communicate()
        whole_s = time.perf_counter() - began
        watch.end()
    if program.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {complaint.strip()[-2000:]}")
    return whole_s, printed, watch


def _at_work_s(trials: Sequence[FrozenTrial]) -> float:
    """Return how long workers were at trials; a trial that failed has no length of its own."""
    ends = [trial.datetime_complete for trial in trials if trial.datetime_complete is not None]
    began = []
    for trial in trials:
        record = trial_record(trial)
        if record is not None and trial.datetime_complete is not None:
            began.append(trial.datetime_complete - timedelta(seconds=record.seconds))
    return (max(ends) - min(began)).total_seconds()


def _configuration(trial: FrozenTrial) -> dict[str, float | str]:
    """Return what a trial trained, by the names that the plain script gives its parameters."""
    spec = trial_spec(trial)
    assert spec is not None, "every trial was handed out"
    loss = spec.run.loss
    return {
        "loss_variant": loss.variant,
        "gradient_weight": max(0.01, loss.gradient_weight),
        "multi_step": loss.multi_step,
        "learning_rate": spec.run.training.learning_rate,
    }
