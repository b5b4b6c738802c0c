"""Overhead of a script as a trial over a run by hand: ``python -m benchmarks.script_overhead``.

The copy of the project, the values handed over, the process that keeps it, its output and its
result: of a plain script, and of one with values placed in its command and in a YAML file, whose
forecast is an array with axes; not what the coordinator does with any trial, which ``make bench``
measures.
"""

import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from fieldsharp.fields.settings import DataSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.project_snapshot import (
    project_snapshot,
    save_project_snapshot,
)
from fieldsharp.sweep.execution.script.trial import ScriptTrial
from fieldsharp.sweep.study.trial_events import TrialDone
from fieldsharp.sweep.study.trial_spec import TrialSpec

RUNS = 9
SCRIPT = "import time\ntime.sleep(0.2)\nprint('gradient 2.1 peak 112 rmse 0.5')\n"
WRITES = (
    SCRIPT
    + "import numpy as np\n"
    + "a = np.random.default_rng(0).normal(size=(8, 2, 32, 32)).cumsum(-1)\n"
    + "np.savez('out.npz', pred=0.9 * a, target=a)\n"
)
AXES = ("sample", "lead", "y", "x")
PATTERNS = {name: rf"{name} (\S+)" for name in ("gradient", "peak", "rmse")}


PLAIN: dict[str, object] = {"command": ("python", "train.py"), "patterns": PATTERNS}
WITH_EVERYTHING: dict[str, object] = {
    "command": ("python", "train.py", "model.lr={lr}", "{weight}"),
    "given": {"lr": 0.1, "weight": 0.5, "decay": 0.01},
    "names": {"decay": "config.yaml:optimizer.decay"},
    "forecast": {"path": "out.npz", "key": "pred", "axes": AXES},
    "truth": {"path": "out.npz", "key": "target", "axes": AXES},
}


def main() -> None:
    """Print the medians of both over some runs in turn, for each script."""
    torch.set_num_threads(1)  # as a worker does
    for what, source, tree in (
        ("numbers", SCRIPT, PLAIN),
        ("placeholders, YAML and arrays", WRITES, WITH_EVERYTHING),
    ):
        with tempfile.TemporaryDirectory() as folder:
            hand_s, trial_s = _medians(Path(folder), source, tree)
        more_s = trial_s - hand_s
        print(f"{what}: by hand {hand_s:.3f} s, as a trial {trial_s:.3f} s, more by {more_s:.3f} s")


def _medians(folder: Path, source: str, tree: dict[str, object]) -> tuple[float, float]:
    project = folder / "project"
    project.mkdir()
    (project / "train.py").write_text(source, encoding="utf-8")
    (project / "config.yaml").write_text("optimizer:\n  decay: 0.1  # as it was\n", "utf-8")
    by_hand, as_trial = [], []
    for number in range(RUNS):
        began = time.perf_counter()
        command = [sys.executable, "train.py"]
        subprocess.run(command, cwd=project, stdout=subprocess.PIPE, check=True)
        by_hand.append(time.perf_counter() - began)
        began = time.perf_counter()
        _run(project, folder / "study" / "trials" / f"{number:06d}", number, tree)
        as_trial.append(time.perf_counter() - began)
    return statistics.median(by_hand), statistics.median(as_trial)


def _run(project: Path, folder: Path, number: int, tree: dict[str, object]) -> None:
    settings = ScriptSettings.model_validate({**tree, "project": str(project)})
    save_project_snapshot(settings, project_snapshot(folder.parent.parent))
    spec = TrialSpec(number=number, run=RunSettings(data=DataSettings(path=""), trainer=settings))
    ours, theirs = multiprocessing.Pipe()
    end = ScriptTrial(spec, folder, theirs, lambda: None, {}).run()
    assert isinstance(end, TrialDone), end
    ours.close()
    theirs.close()


if __name__ == "__main__":
    main()
