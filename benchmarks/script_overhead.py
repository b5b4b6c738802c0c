"""Overhead of a script as a trial over a run by hand: ``python -m benchmarks.script_overhead``.

The copy of the project, the values handed over, the process that keeps it, its output and its
result; not what the coordinator does with any trial, which ``make bench`` measures.
"""

import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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

RUNS = 15
SCRIPT = "import time\ntime.sleep(0.2)\nprint('gradient 2.1 peak 112 rmse 0.5')\n"
PATTERNS = {name: rf"{name} (\S+)" for name in ("gradient", "peak", "rmse")}


def main() -> None:
    """Print the medians of both over some runs in turn."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        project.mkdir()
        (project / "train.py").write_text(SCRIPT, encoding="utf-8")
        by_hand, as_trial = [], []
        for number in range(RUNS):
            began = time.perf_counter()
            command = [sys.executable, "train.py"]
            subprocess.run(command, cwd=project, stdout=subprocess.PIPE, check=True)
            by_hand.append(time.perf_counter() - began)
            began = time.perf_counter()
            _run(project, Path(folder, "study", "trials", f"{number:06d}"), number)
            as_trial.append(time.perf_counter() - began)
    hand_s, trial_s = statistics.median(by_hand), statistics.median(as_trial)
    print(f"by hand {hand_s:.3f} s, as a trial {trial_s:.3f} s, more by {trial_s - hand_s:.3f} s")


def _run(project: Path, folder: Path, number: int) -> None:
    settings = ScriptSettings(
        command=("python", "train.py"), project=str(project), patterns=PATTERNS
    )
    save_project_snapshot(settings, project_snapshot(folder.parent.parent))
    spec = TrialSpec(number=number, run=RunSettings(data=DataSettings(path=""), trainer=settings))
    ours, theirs = multiprocessing.Pipe()
    end = ScriptTrial(spec, folder, theirs, lambda: None, {}).run()
    assert isinstance(end, TrialDone), end
    ours.close()
    theirs.close()


if __name__ == "__main__":
    main()
