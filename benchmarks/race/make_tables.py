"""Trains the configurations of a field, from which its table is made.

    python -m benchmarks.race.make_tables --results FOLDER [--fields NAME ...] [--data FOLDER]

Each training is a file of all its reports below FOLDER/NAME. Those that are there are not trained
again, so that it can be interrupted and run by several processes, which take turns.
"""

import argparse
import json
import lzma
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.fields.sources import MissingFile
from benchmarks.race.configurations import Configuration, configurations
from benchmarks.race.fields import FIELDS, RUNGS, RaceField
from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.study.epoch_report import reports_as_text
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [field.name for field in FIELDS]
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--fields", nargs="+", choices=names, default=names)
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    missing = 0
    for field in FIELDS:
        if field.name not in given.fields:
            continue
        with tempfile.TemporaryDirectory(prefix="race-") as work:
            try:
                train_all(field, given.data, Path(work), given.results / field.name)
            except MissingFile as error:
                print(f"{field.name}: {error}", flush=True)
                missing += 1
    return int(missing > 0)


def train_all(field: RaceField, given: Path, work: Path, results: Path) -> None:
    """Train the configurations of a field that no other process has taken.

    Args:
        field: The field.
        given: Folder of the fields that are not shipped.
        work: Where a simulated field is made.
        results: Folder of the trainings.
    """
    config = field.config(given, work)
    data = load_forecast_data(config.run.data)
    hardware = find_hardware(config.run.training)
    evaluator = Evaluator(data, data.validation)
    results.mkdir(parents=True, exist_ok=True)
    for index, one in enumerate(configurations(config)):
        path = results / f"{index:03d}.json.xz"
        taken = path.with_suffix(".taken")
        if path.exists() or _is_taken(taken):
            continue
        taken.write_text(str(os.getpid()))
        try:
            began = time.perf_counter()
            trial = Trial(
                one.run,
                data,
                hardware,
                evaluator,
                sharpening=SharpeningPlan.of(one.run, RUNGS),
                with_frontier=index == 0,
            )
            content = _trained(one, trial, data)
            written = path.with_suffix(f".{os.getpid()}")
            written.write_bytes(lzma.compress(json.dumps(content).encode()))
            written.replace(path)
            print(f"{field.name} {index}: {time.perf_counter() - began:.1f} s", flush=True)
        finally:
            taken.unlink(missing_ok=True)


def _trained(one: Configuration, trial: Trial, data: ForecastData) -> dict[str, object]:
    """Train a configuration to its end, or to where it fails."""
    failure = ""
    try:
        for _ in trial.epochs():
            pass
    except TrainingFailed as error:
        failure = str(error)
    return {
        "preset": one.preset,
        "parameters": dict(one.parameters),
        "windows": trial.trainer.windows_an_epoch,
        "training_windows": len(data.train),
        "validation_windows": len(data.validation),
        "reports": json.loads(reports_as_text(trial.reports)),
        "failure": failure,
    }


def _is_taken(path: Path) -> bool:
    """Return whether a living process trains a configuration."""
    try:
        os.kill(int(path.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
