"""Trials an hour at equal epochs: a sweep beside the plain script.

Random search without a pruner, the same configurations in both, several pairs in turn.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.measurement import Measurement
from benchmarks.paired_runs import ProgramRun, run_pair
from fieldsharp.core.checkout import PROJECT

PART = "throughput"
QUICKSTART = PROJECT / "configs" / "quickstart.yaml"
PAIRS = 5
TRIALS = 8
EPOCHS = 3
AIM = 1.6
WHOLE_AIM = 1.45
PLAIN = "plain script, 1 process"


def measure(*, short: bool = False, config: Path = QUICKSTART) -> list[Measurement]:
    """Return the lines of this part.

    Args:
        short: Whether one pair of a few epochs is enough.
        config: Of the sweep.
    """
    pairs, trials, epochs = (1, 2, 1) if short else (PAIRS, TRIALS, EPOCHS)
    lines = []
    for workers in _workers(short=short):
        runs = []
        for pair in range(pairs):
            changes = [
                f"search.seed={pair}",
                f"budget.trials={trials}",
                f"training.epochs={epochs}",
                f"workers.count={workers}",
            ]
            with tempfile.TemporaryDirectory() as folder:
                runs.append(run_pair(config, changes, Path(folder)))
        lines += _lines(runs, f"{trials} trials of {epochs} epochs", f"sweep, {workers} workers")
    return lines


def _workers(*, short: bool) -> tuple[int, ...]:
    """Return the numbers of workers to measure; several share a GPU."""
    return (1, 2, 4) if torch.cuda.is_available() and not short else (2,)


def _lines(
    runs: Sequence[tuple[ProgramRun, ProgramRun]], what: str, ours: str
) -> list[Measurement]:
    at_work = Measurement(
        part=PART,
        what=f"{what}, at work",
        ours=ours,
        beside=PLAIN,
        unit="trials/h",
        ours_values=[3600 * run.trials / run.at_work_s for run, _ in runs],
        beside_values=[3600 * run.trials / run.at_work_s for _, run in runs],
        better="more",
        aim=AIM,
        note="from where the first trial has its data to the end of the last",
    )
    whole = Measurement(
        part=PART,
        what=f"{what}, start to exit",
        ours=ours,
        beside=PLAIN,
        unit="trials/h",
        ours_values=[3600 * run.trials / run.whole_s for run, _ in runs],
        beside_values=[3600 * run.trials / run.whole_s for _, run in runs],
        better="more",
        aim=WHOLE_AIM,
        note="what loading takes counts as much as in a sweep of so few short trials",
    )
    return [at_work, whole]
