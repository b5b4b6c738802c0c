"""Memory of a worker and of a whole sweep, beside the process of the plain script."""

import tempfile
from pathlib import Path

from benchmarks.measurement import Measurement
from benchmarks.paired_runs import PROC, run_pair
from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import FieldsharpError

PART = "memory"
QUICKSTART = PROJECT / "configs" / "quickstart.yaml"
PAIRS = 5
TRIALS = 4
EPOCHS = 1
"""The last epoch of a trial takes the most memory: all metrics, and the preview."""
WORKERS = 2
AIM = 1.7


def measure(*, short: bool = False, config: Path = QUICKSTART) -> list[Measurement]:
    """Return the lines of this part.

    Args:
        short: Whether one pair is enough.
        config: Of the sweep.

    Raises:
        FieldsharpError: If this system does not tell the memory of its processes.
    """
    if not PROC.is_dir():
        raise FieldsharpError(
            f"the memory of processes is read from {PROC}, which this system has not; measure the "
            "other --parts"
        )
    changes = [f"budget.trials={TRIALS}", f"training.epochs={EPOCHS}", f"workers.count={WORKERS}"]
    runs = []
    for _ in range(1 if short else PAIRS):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(run_pair(config, changes, Path(folder), watched=True))
    worker = Measurement(
        part=PART,
        what="most memory, resident",
        ours="one worker",
        beside="plain script",
        unit="MB",
        ours_values=[max(run.workers_mb) for run, _ in runs],
        beside_values=[max(run.workers_mb) for _, run in runs],
        note="what a worker shares with the process it is forked from counts in it too",
    )
    whole = Measurement(
        part=PART,
        what="most memory of all processes, proportional",
        ours=f"sweep, {WORKERS} workers",
        beside="plain script",
        unit="MB",
        ours_values=[run.all_mb for run, _ in runs],
        beside_values=[run.all_mb for _, run in runs],
        aim=AIM,
        note="what processes share, such as torch, counts once",
    )
    return [worker, whole]
