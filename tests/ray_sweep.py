"""A sweep on a Ray cluster, run as a person would, with everything it says and when."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import files_folder
from tests.ray_nodes import Node, Nodes

LIMIT_S = 120.0
EPOCHS = 8
SLOW_TRIALS = {
    "data.train_every": 1,  # epochs of half a second: what happens to a node meets trials at work
    "training.epochs": EPOCHS,
    "training.batch_size": 2,
    "predictor.width": 12,
    "search.presets": "baseline",
    "search.pruner": "none",
    "recovery.free_space_mb": 0,
}


class RaySweep:
    """A sweep that runs beside the test.

    Args:
        folder: To work in.
        nodes: The cluster.
        source: With ``tiny.yaml`` and its data.
    """

    def __init__(self, folder: Path, nodes: Nodes, source: Path) -> None:
        for name in ("plumes.nc", "tiny.yaml"):
            shutil.copy(source / name, folder)
        self._folder = folder
        self._nodes = nodes
        self._said: list[tuple[float, str]] = []
        self.url = f"sqlite:///{folder / 'x.db'}"
        self.process: subprocess.Popen[str]

    @contextmanager
    def begun(self, trials: int, **settings: Any) -> Iterator["RaySweep"]:
        """Run ``start``, and end it where the test did not wait for its end."""
        named = {k.replace("__", "."): v for k, v in settings.items()}
        values = {"executor": "ray", **SLOW_TRIALS, **named}
        options = [word for k, v in values.items() for word in ("--set", f"{k}={v}")]
        command = ("start", "tiny.yaml", "--trials", str(trials), "--storage", self.url, *options)
        with subprocess.Popen(
            [sys.executable, str(PROJECT / "run_sweep.py"), *command],
            cwd=self._folder,
            env={**os.environ, **self._nodes.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as self.process:
            reader = threading.Thread(target=self._read)
            reader.start()
            try:
                yield self
            finally:
                self.process.kill()
                reader.join()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._said.append((time.monotonic(), line.rstrip()))

    @property
    def said(self) -> str:
        return "\n".join(line for _, line in self._said)

    def heard(self, pattern: str, *, since: float = 0.0) -> tuple[float, re.Match[str]]:
        """Wait until a line matches, and return when it was said and what matched."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            for when, line in list(self._said):
                found = re.search(pattern, line)
                if found and when >= since:
                    return when, found
            assert self.process.poll() is None, self.said
            time.sleep(0.05)
        raise AssertionError(f"nobody said {pattern!r}:\n{self.said}")

    def epochs(self) -> int:
        """Return how many epochs are told."""
        if not (self._folder / "x.db").exists():
            return 0
        try:
            return sum(len(trial.intermediate_values) for trial in self.trials())
        except (KeyError, optuna.exceptions.OptunaError):
            return 0

    def wait_for_epochs(self, count: int) -> None:
        deadline = time.monotonic() + LIMIT_S
        while self.epochs() < count:
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.1)

    def wait_until_each_has_an_epoch(self, trials: int) -> None:
        """Wait until so many trials are at work, each with an epoch behind it, and a checkpoint."""
        deadline = time.monotonic() + LIMIT_S
        while (
            self.epochs() == 0
            or [bool(trial.intermediate_values) for trial in self.trials()] != [True] * trials
        ):
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.1)

    def end(self) -> None:
        """Wait until the sweep has ended well."""
        assert self.process.wait(LIMIT_S) == 0, self.said

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        study = optuna.load_study(study_name="tiny", storage=open_database(self.url, "read"))
        return study.get_trials(deepcopy=False)

    def every_trial_is_told_once(self, trials: int) -> None:
        """Check that every trial is complete, with each epoch once and nothing left over."""
        done = [trial for trial in self.trials() if trial.state.name != "WAITING"]
        assert [trial.state.name for trial in done] == ["COMPLETE"] * trials
        for trial in done:
            assert sorted(trial.intermediate_values) == list(range(EPOCHS))
        assert list(files_folder(self.url).glob("*/spool/*")) == []
        assert "Traceback" not in self.said

    def busy_node(self) -> Node:
        """Return a node that a worker of ours is on."""
        for node in self._nodes.nodes:
            if trial_workers(node):
                return node
        raise AssertionError("no node has a worker of ours")


def trial_workers(node: Node) -> list[int]:
    """Return the processes of our workers on a node."""
    return [pid for pid in node.workers() if "TrialActor" in _title(pid)]


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""
