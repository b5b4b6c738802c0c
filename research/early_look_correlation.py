"""How well a trial's rank after an early epoch predicts its rank at the end, by schedule.

    python -m research.early_look_correlation [CONFIG] [--schedules cosine ...] [--trials N]
        [--curves FILE]

Trains the baseline and random configurations of the search to their end, each with every learning
rate schedule, and scores each epoch as a sweep does: against the baseline of the same schedule at
the same epoch. Prints, over the configurations, Spearman's correlation between the rank after an
epoch and the rank at the end (those that break a guard rank last), and the share of the best tenth
at the end that is among the best third after that epoch. The curves are written to a file; a
second run trains only what the file lacks.
"""

import argparse
import json
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, get_args

import optuna
import torch
from scipy.stats import spearmanr

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import FieldsharpError
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.model.schedule import Schedule
from fieldsharp.objectives.guards import check_guards, total_violation
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_forecast
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.presets import BASELINE_PRESET
from fieldsharp.sweep.configuration.ranges import Scalar, setting_path
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.rung_results import forgiven
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial

QUICKSTART = PROJECT / "configs" / "quickstart.yaml"
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
PROMOTED = 1 / 3
BEST = 0.1


@dataclass(frozen=True)
class Curve:
    """A training, epoch by epoch.

    Attributes:
        schedule: Of its learning rate.
        index: Of the configuration; -1 for the baseline.
        values: The searched parameters.
        judgements: Metric values after each epoch; empty where the training diverged.
    """

    schedule: str
    index: int
    values: dict[str, Scalar]
    judgements: list[dict[str, Any]]


@dataclass(frozen=True)
class _Task:
    schedule: str
    index: int
    values: dict[str, Scalar]
    run: RunSettings


_data: dict[str, tuple[ForecastData, Evaluator]] = {}


def _train(task: _Task) -> Curve:
    torch.set_num_threads(task.run.training.threads)
    path = str(task.run.data.path)
    if path not in _data:
        data = load_forecast_data(task.run.data)
        _data[path] = data, Evaluator(data, data.validation)
    data, evaluator = _data[path]
    metrics: list[MetricValues] = []
    try:
        trial = Trial(task.run, data, find_hardware(task.run.training), evaluator)
        metrics = [report.judgement for report in trial.epochs()]
    except FieldsharpError as error:  # a diverged training is a curve without an end
        print(f"{task.schedule} {task.index}: {error}", flush=True)
        metrics = []
    plain = [judgement.model_dump(mode="json") for judgement in metrics]
    return Curve(task.schedule, task.index, task.values, plain)


def tasks(config: SweepConfig, schedules: Sequence[str], trials: int) -> Iterator[_Task]:
    """Yield the trainings: the same configurations with every schedule."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=config.search.seed))
    space = distributions(config.search)
    drawn = [dict(study.ask(space).params) for _ in range(trials)]
    for schedule in schedules:
        of = {"training.schedule": schedule}
        yield _Task(schedule, -1, {}, BASELINE_PRESET.run(config, dict(of)))
    for index, values in enumerate(drawn):
        for schedule in schedules:
            by_path = {setting_path(name): value for name, value in values.items()}
            run = config.run_with({**by_path, "training.schedule": schedule})
            yield _Task(schedule, index, values, run)


def train_all(
    config: SweepConfig, schedules: Sequence[str], trials: int, file: Path, workers: int
) -> list[Curve]:
    """Return all curves, after training those the file lacks and appending them."""
    curves = read_curves(file)
    done = {(curve.schedule, curve.index) for curve in curves}
    left = [t for t in tasks(config, schedules, trials) if (t.schedule, t.index) not in done]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool, file.open("a", encoding="utf-8") as out:
        for curve in pool.imap_unordered(_train, left):
            out.write(json.dumps(asdict(curve)) + "\n")
            out.flush()
            curves.append(curve)
    return curves


def read_curves(file: Path) -> list[Curve]:
    """Return the curves in a file, none if it does not exist."""
    if not file.exists():
        return []
    return [Curve(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Ranks:
    """Scores and guard violations of one configuration by epoch: the smaller the better.

    Attributes:
        index: Of the configuration.
        scores: After each epoch, the last against the finished baseline.
        violations: By how much guards are broken, summed, after each epoch, beyond what is forgiven
            at that age.
        worst: The largest violation; below 0 where none is broken, after each epoch.
    """

    index: int
    scores: list[float]
    violations: list[float]
    worst: list[float]

    def rank(self, epoch: int) -> tuple[bool, float]:
        """Return the sort key after an epoch: those that break no guard first."""
        violation = self.violations[epoch]
        return violation > 0, violation if violation > 0 else self.scores[epoch]


def ranks(
    curves: Sequence[Curve], schedule: str, objective: ObjectiveSettings, targets: Targets
) -> list[Ranks]:
    """Score the curves of a schedule against its own baseline."""
    of = [curve for curve in curves if curve.schedule == schedule and curve.judgements]
    (baseline,) = (_judgements(curve) for curve in of if curve.index == -1)
    found = []
    for curve in of:
        judged = _judgements(curve)
        scores: list[float] = []
        violations: list[float] = []
        worst: list[float] = []
        for judgement, beside in zip(judged, baseline, strict=True):
            rmse = beside.overall["rmse"]
            scores.append(
                score_forecast(judgement.overall, targets, rmse, objective.rmse_weight).total
            )
            outcomes = check_guards(judgement, objective.guards, beside)
            allowed = forgiven(len(violations) + 1, len(judged))
            violations.append(total_violation(outcomes, allowed))
            worst.append(max(guard.violation for guard in outcomes))
        found.append(Ranks(curve.index, scores, violations, worst))
    return found


def _judgements(curve: Curve) -> list[MetricValues]:
    return [MetricValues.model_validate(judgement) for judgement in curve.judgements]


def table(found: dict[str, list[Ranks]]) -> list[str]:
    """Return a row for every schedule, a column for every epoch."""
    lines = []
    for schedule, every in found.items():
        searched = [one for one in every if one.index >= 0]
        last = len(searched[0].scores) - 1
        final = _order(searched, last)
        best = set(final[: max(1, round(BEST * len(final)))])
        correlations, kept = [], []
        for epoch in range(last):
            order = _order(searched, epoch)
            places = [order.index(index) for index in final]
            correlations.append(float(spearmanr(range(len(final)), places).statistic))
            promoted = set(order[: math.ceil(PROMOTED * len(order))])
            kept.append(len(best & promoted) / len(best))
        scores = sorted(one.scores[last] for one in searched if one.violations[last] == 0)
        (baseline,) = (one.scores[last] for one in every if one.index < 0)
        lines += [
            f"{schedule}: {len(searched)} configurations, baseline {baseline:.4f}, "
            f"best {scores[0]:.4f}, tenth {scores[len(scores) // 10]:.4f}, "
            f"median {median(scores):.4f}, {len(searched) - len(scores)} break a guard",
            "  epoch       " + " ".join(f"{epoch + 1:5d}" for epoch in range(last)),
            "  correlation " + " ".join(f"{value:5.2f}" for value in correlations),
            "  best kept   " + " ".join(f"{value:5.2f}" for value in kept),
        ]
    return lines


def _order(found: Sequence[Ranks], epoch: int) -> list[int]:
    return [one.index for one in sorted(found, key=lambda one: one.rank(epoch))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the missing curves and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", nargs="?", type=Path, default=QUICKSTART)
    parser.add_argument("--schedules", nargs="+", choices=SCHEDULES, default=SCHEDULES)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--curves", type=Path, default=Path("curves.jsonl"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    config = load_config(given.config, ["training.epochs=12", *given.set]).config
    curves = train_all(config, given.schedules, given.trials, given.curves, given.workers)
    targets = run_preflight(config).facts.targets
    found = {s: ranks(curves, s, config.objective, targets) for s in given.schedules}
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
