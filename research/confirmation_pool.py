"""Trainings that differ by seed alone, judged on many stretches of time: a pool to replay from.

    python -m research.confirmation_pool --results FOLDER [--pools NAME ...]

A training is judged on fifty stretches of a simulated series, each as long as a validation part, or
on the validation and the test part of a real one. Each training is a file below FOLDER/NAME; those
that are there are not trained again. `research.confirmation_errors` replays confirmations of them.
"""

import argparse
import json
import lzma
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import JsonValue, TypeAdapter

from benchmarks.fields.rows import UK
from benchmarks.fields.sources import Source
from data.plume_settings import PlumeSettings
from data.shower_settings import ShowerSettings
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.windows import Windows
from fieldsharp.model.device import find_hardware
from fieldsharp.model.registry import NO_SHARPENER, SHARPENERS
from fieldsharp.objectives.targets import resolve_all_targets
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.comparison import kept_statistics
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun
from fieldsharp.sweep.study.data_summary import BandSummary
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial

STRETCHES = 50
TRAIN, JUDGED = 420, 270
"""Frames of the training part, and of each stretch, of a simulated series."""
BASELINE = "baseline"
Loss = Mapping[str, Scalar]
NO_LOSS: Loss = {"loss.variant": "none", "loss.gradient_weight": 0.0}


@dataclass(frozen=True)
class Candidate:
    """A configuration of a pool.

    Attributes:
        settings: Of its training.
        sharpener: Of its forecasts; the baseline's are judged under all where ``with_references``.
        seeds: How many trainings.
    """

    settings: Loss
    seeds: int
    sharpener: str = NO_SHARPENER


@dataclass(frozen=True)
class Pool:
    """A field and the configurations that are trained on it.

    Attributes:
        stretches: Fifty on a simulated field; None for the validation and the test part.
        with_references: Whether the baseline is judged under every sharpener.
    """

    name: str
    source: Source
    changes: Sequence[str]
    candidates: Mapping[str, Candidate]
    stretches: int | None = STRETCHES
    with_references: bool = False

    def config(self, work: Path) -> SweepConfig:
        """Return the sweep, of trainings of a fixed length."""
        path = self.source.path(work, work)
        changes = [f"data.path={path}", *self.changes, "training.length=fixed"]
        return load_config(PROJECT / "configs" / "quickstart.yaml", changes).config


def _sharp(loss: str, weight: float) -> Loss:
    return {
        "loss.variant": loss,
        "loss.gradient_weight": weight,
        "loss.multi_step": "all",
        "loss.normalise": "persistence",
    }


FRAMES = TRAIN + JUDGED * (STRETCHES + 1)
_SIMULATED = (
    *("data.variable=null", "data.score_every=2", "training.epochs=12"),
    f"data.split.train={TRAIN / FRAMES}",
    f"data.split.validation={JUDGED / FRAMES}",
    f"data.split.test={1.0 - (TRAIN + JUDGED) / FRAMES}",
)
POOLS: tuple[Pool, ...] = (
    Pool(
        "plumes",
        Source(PlumeSettings(size=32, frames=FRAMES)),
        _SIMULATED,
        {BASELINE: Candidate(NO_LOSS, 24), "sorted": Candidate(_sharp("sorted", 1.0), 8)},
    ),
    Pool(
        "showers",
        Source(ShowerSettings(size=32, frames=FRAMES)),
        (*_SIMULATED, "data.train_every=2"),
        {BASELINE: Candidate(NO_LOSS, 24), "sorted": Candidate(_sharp("sorted", 1.0), 8)},
    ),
    Pool(
        "humidity",
        Source(UK),
        ("training.epochs=12",),
        {
            BASELINE: Candidate(NO_LOSS, 12),
            "sorted": Candidate(_sharp("sorted", 1.0), 12, "spectral"),
        },
        stretches=None,
        with_references=True,
    ),
)
_RUNS = TypeAdapter(list[ConfirmedRun])


def read_runs(folder: Path, pool: str, candidate: str) -> list[list[ConfirmedRun]]:
    """Return for each seed its run on each stretch."""
    paths = sorted((folder / pool).glob(f"{candidate}-*.json.xz"))
    return [_RUNS.validate_json(lzma.decompress(path.read_bytes())) for path in paths]


def read_stretches(folder: Path, pool: str) -> list[dict[str, JsonValue]]:
    """Return targets and variation of the truth on each stretch."""
    found: list[dict[str, JsonValue]] = json.loads((folder / pool / "stretches.json").read_text())
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [pool.name for pool in POOLS]
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--pools", nargs="+", choices=names, default=names)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for pool in POOLS:
        if pool.name in given.pools:
            with tempfile.TemporaryDirectory(prefix="pool-") as work:
                train_all(pool, pool.config(Path(work)), given.results / pool.name)


def train_all(pool: Pool, config: SweepConfig, results: Path) -> None:
    """Train the configurations of a pool, and judge each on every stretch."""
    data = load_forecast_data(config.run.data)
    stretches = _stretches(pool, data)
    evaluators = [Evaluator(data, windows) for windows in stretches]
    results.mkdir(parents=True, exist_ok=True)
    (results / "stretches.json").write_text(json.dumps([_facts(e, config) for e in evaluators]))
    for name, candidate in pool.candidates.items():
        for seed in range(candidate.seeds):
            path = results / f"{name}-{seed:03d}.json.xz"
            if path.exists():
                continue
            runs = _judged(pool, name, candidate, seed, config, data, evaluators)
            written = path.with_suffix(".part")
            written.write_bytes(lzma.compress(_RUNS.dump_json(runs)))
            written.replace(path)
            print(f"{pool.name} {name} {seed}", flush=True)


def _judged(
    pool: Pool,
    name: str,
    candidate: Candidate,
    seed: int,
    config: SweepConfig,
    data: ForecastData,
    evaluators: Sequence[Evaluator],
) -> list[ConfirmedRun]:
    """Train a configuration with a seed; return its run on each stretch."""
    is_baseline = name == BASELINE
    run = config.run_with({**candidate.settings, "training.seed": seed})
    tried = tuple(SHARPENERS) if is_baseline and pool.with_references else ()
    if candidate.sharpener != NO_SHARPENER:
        tried = (candidate.sharpener,)
    trial = Trial(
        run,
        data,
        find_hardware(run.training),
        evaluators[0],
        judged_every_epoch=False,
        sharpening=SharpeningPlan(tried),
    )
    for _ in trial.epochs():
        pass
    runs = []
    for evaluator in evaluators:
        windows = evaluator.window_accumulation()
        has_frontier = is_baseline and pool.with_references  # it costs as much as all the rest
        frontier = evaluator.frontier_statistics() if has_frontier else None
        found = evaluator.evaluate_sharpened(
            *(trial.predictor, trial.sharpeners),
            seed=seed,
            detail=False,
            frontier=frontier,
            by_window=windows,
        )
        plain = found.pop(NO_SHARPENER)
        under = candidate.sharpener
        runs.append(
            ConfirmedRun(
                trial=0,
                seed=seed,
                judgement=found.get(under, plain),
                sharpening=under,
                without=plain if under in found else None,
                sharpened=found if is_baseline else None,
                frontier=frontier.frontier() if frontier is not None else None,
                window_statistics=kept_statistics(
                    windows.statistics(),
                    {NO_SHARPENER, *found} if is_baseline else {under},
                    is_baseline=is_baseline,
                ),
            )
        )
    return runs


def _stretches(pool: Pool, data: ForecastData) -> list[Windows]:
    """Return the windows of each stretch; none shares a frame with another."""
    if pool.stretches is None:
        return [data.validation, data.test]
    windows = data.test
    first = int(windows.starts_B[0])
    span = int(windows.starts_B[-1]) - first + 1
    length = span // pool.stretches
    settings = windows.settings
    window = settings.stride * (settings.history + settings.horizon - 1) + 1
    found = []
    for number in range(pool.stretches):
        begin = first + number * length
        inside = (windows.starts_B >= begin) & (windows.starts_B + window <= begin + length)
        found.append(replace(windows, starts_B=windows.starts_B[inside]))
    return found


def _facts(evaluator: Evaluator, config: SweepConfig) -> dict[str, JsonValue]:
    """Return the target bands and the variation of the truth of a stretch."""
    observed = evaluator.evaluate(Persistence.of(evaluator.data), detail=False)
    targets = resolve_all_targets(
        config.objective, observed, evaluator.names, chosen_elsewhere=True
    )
    return {
        "gradient": BandSummary.of(targets.gradient).model_dump(mode="json"),
        "peak": BandSummary.of(targets.peak).model_dump(mode="json"),
        "variation": evaluator.field_variation().model_dump(mode="json"),
    }


if __name__ == "__main__":
    main()
