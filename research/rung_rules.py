"""Which rule at the rungs of a sweep keeps the nets that come out best, on real trainings.

    python -m research.rung_rules FIELD FILE [--trainings N] [--data FOLDER]

Trains the presets that sharpen and random configurations of a field to their end, half of the
random ones with a loss that can sharpen, and writes the reports of their epochs to a file; a second
run trains only what the file lacks. Then runs sweeps over these trainings in random orders under
each rule, and prints how many of them train the best to its end, and in how many epochs; of each
training value and violation at its end and at the rungs, before and after decision record 31.
"""

import argparse
import json
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import optuna
import torch

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import FieldsharpError
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import total_violation
from fieldsharp.objectives.score import trial_value
from fieldsharp.objectives.sharpened import best_of, judge
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.configuration.presets import BASELINE, SHARPENERS, presets
from fieldsharp.sweep.configuration.ranges import Scalar, setting_path
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions, rungs
from fieldsharp.sweep.engine.asha import Asha
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.epoch_report import EpochReport, reports_as_text, reports_from_text
from fieldsharp.sweep.study.rung_results import RungResult, forgiven, ranked
from fieldsharp.sweep.study.verdict_inputs import can_sharpen
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial
from research.forecast_fields import WINDOWS, field_config


@dataclass(frozen=True)
class Training:
    """A training to its end.

    Attributes:
        name: Of the preset, or of the draw.
        sharpens: Whether its loss can sharpen.
        loss: Its variant and weight, for people.
        reports: Of all epochs; empty where it diverged.
    """

    name: str
    sharpens: bool
    loss: str
    reports: list[EpochReport]


@dataclass(frozen=True)
class _Task:
    name: str
    run: RunSettings
    rungs: tuple[int, ...]


_data: dict[str, tuple[ForecastData, Evaluator]] = {}


def _train(task: _Task) -> Training:
    torch.set_num_threads(1)
    run = task.run
    if str(run.data.path) not in _data:
        data = load_forecast_data(run.data)
        _data[str(run.data.path)] = data, Evaluator(data, data.validation)
    data, evaluator = _data[str(run.data.path)]
    plan = SharpeningPlan.of(run, task.rungs)
    try:
        trial = Trial(run, data, find_hardware(run.training), evaluator, sharpening=plan)
        reports = list(trial.epochs())
    except FieldsharpError as error:  # a diverged training has no reports
        print(f"{task.name}: {error}", flush=True)
        reports = []
    loss = f"{run.loss.variant} {run.loss.gradient_weight:.3g}"
    return Training(task.name, can_sharpen(run.loss), loss, reports)


def tasks(config: SweepConfig, count: int) -> Iterator[_Task]:
    """Yield so many trainings: the baseline, presets that sharpen, then random draws.

    Every other draw has a loss that can sharpen.
    """
    at = rungs(config.search, config.training.epochs)
    first = presets(config)[: 1 + len(SHARPENERS)]
    for preset in first[:count]:
        yield _Task(preset.name, preset.run(config), at)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    space = distributions(config.search)
    for number in range(count - len(first)):
        while True:
            values: dict[str, Scalar] = dict(study.ask(space).params)
            run = config.run_with({setting_path(name): value for name, value in values.items()})
            if can_sharpen(run.loss) == (number % 2 == 0):
                break
        yield _Task(f"draw {number}", run, at)


def train_all(config: SweepConfig, count: int, file: Path, workers: int) -> None:
    """Train what the file lacks, and append it."""
    done = {training.name for training in read_trainings(file)}
    left = [task for task in tasks(config, count) if task.name not in done]
    with (
        multiprocessing.get_context("spawn").Pool(workers) as pool,
        file.open("a", encoding="utf-8") as out,
    ):
        for one in pool.imap_unordered(_train, left):
            row: dict[str, Any] = {"name": one.name, "sharpens": one.sharpens, "loss": one.loss}
            out.write(json.dumps(row | {"reports": reports_as_text(one.reports)}) + "\n")
            out.flush()


def read_trainings(file: Path) -> list[Training]:
    """Return the trainings in a file, none if it does not exist."""
    if not file.exists():
        return []
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [Training(**row | {"reports": reports_from_text(row["reports"])}) for row in rows]


Rule = Literal["all guards count", "none counts behind climatology", "as shipped"]
RULES: tuple[Rule, ...] = get_args(Rule)
"""As in record 19; as shipped, but that no guard counts in either order while a net is behind
climatology; and as shipped."""


class Replay:
    """Sweeps over trainings that are known to their end, in random orders.

    Args:
        config: Of the field.
        targets: Of the field.
        trainings: Of it, the baseline first.
    """

    def __init__(self, config: SweepConfig, targets: Targets, trainings: Sequence[Training]):
        self.config = config
        self._targets = targets
        self._of = config.training.epochs
        self._rungs = rungs(config.search, self._of)
        self._baseline, *others = (one for one in trainings if one.reports)
        self._trainings = others
        self._scoring = BaselineScoring(config.objective, targets)
        for report in self._baseline.reports:
            self._scoring.add_baseline(report)
        self._scoring.end_baseline()

    def result(self, training: Training, rung: int, rule: Rule) -> RungResult:
        """Return the result of a training at a rung under a rule; after all epochs, its end."""
        report, name = training.reports[rung - 1], self.config.sharpening.name
        found = self._scoring.at_rung(report, self._of, name, sharpens=training.sharpens)
        if rule == "as shipped" and rung < self._of:
            return found
        metrics = report.judgement.overall
        if rule == "none counts behind climatology" and rung < self._of:
            behind = metrics["rmse"] > metrics["rmse_climatology"]
            return found.by_score if behind else found
        forecasts = {NO_SHARPENER: report.judgement, **report.sharpened}
        baseline = self._baseline.reports[rung - 1].judgement
        judged = judge(forecasts, NO_SHARPENER, self.config.objective, self._targets, baseline)
        allowed = forgiven(rung, self._of)
        best = best_of(judged, lambda guards: total_violation(guards, allowed))
        value = trial_value(best.score.total, judged[0].score.total)
        violation = total_violation(best.guards, allowed)
        return RungResult(epochs=rung, values=(value,), violation=violation, rmse=best.error)

    def ends(self) -> list[tuple[Training, RungResult]]:
        """Return the trainings and their ends, the best first."""
        ends = {
            n: self.result(one, self._of, "as shipped") for n, one in enumerate(self._trainings)
        }
        return [(self._trainings[n], ends[n]) for n in ranked(ends)]

    def sweep(self, order: Sequence[int], rule: Rule) -> tuple[set[int], int]:
        """Return the trainings that a sweep in this order trains to their end, and its epochs."""
        asha = Asha(self._rungs, 3, 50)
        for epochs in self._rungs:
            asha.add_baseline(self.result(self._baseline, epochs, rule))
        new, at = list(order), dict.fromkeys(order, 0)
        complete: set[int] = set()
        while True:
            number = asha.next_promoted([], len(new))
            if number is not None:
                asha.remove(number)
            elif new:
                number = new.pop(0)
            else:
                return complete, sum(at.values())
            while True:
                rung = asha.next_rung(number, self._of)
                at[number] = rung or self._of
                if rung is None:
                    complete.add(number)
                    break
                asha.add_result(number, self.result(self._trainings[number], rung, rule))
                if not asha.promotes(number, rung, [], len(new)):
                    asha.pause(number, rung)
                    break
            for late in asha.hopeless([], len(new)):
                asha.remove(late)

    def table(self, sweeps: int, seed: int = 0) -> list[str]:
        """Return what each training came to, and a row for every rule."""
        lines = [
            f"{one.name:28} {one.loss:26} value {end.values[0]:.3f}, violation {end.violation:.2f}"
            + "".join(f" | {self._words(one, rung)}" for rung in self._rungs)
            for one, end in self.ends()
        ]
        best = self._trainings.index(self.ends()[0][0])
        for rule in RULES:
            draw = random.Random(seed)
            found, spent, complete = 0, 0, 0
            for _ in range(sweeps):
                ended, epochs = self.sweep(draw.sample(range(n := len(self._trainings)), n), rule)
                found, spent = found + (best in ended), spent + epochs
                complete += len(ended)
            lines.append(
                f"{rule}: the best is trained to its end in {found} of {sweeps} sweeps, "
                f"{complete / sweeps:.1f} trials and {spent / sweeps:.0f} epochs"
            )
        return lines

    def _words(self, training: Training, rung: int) -> str:
        before, now = (self.result(training, rung, rule) for rule in (RULES[0], RULES[-1]))
        return (
            f"{rung}: {before.values[0]:.3f} {before.violation:.2f} -> {now.values[0]:.3f} "
            f"{now.violation:.2f}{'' if now.guards_decide else ' free'}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and replay."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("field", choices=WINDOWS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--trainings", type=int, default=28, help="0 trains none")
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=PROJECT / "data")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args(arguments)
    config = field_config(args.field, args.data, args.set)
    if args.trainings:
        train_all(config, args.trainings, args.file, args.workers)
    trainings = sorted(read_trainings(args.file), key=lambda one: one.name != BASELINE)
    targets = run_preflight(config).facts.targets
    print("\n".join(Replay(config, targets, trainings).table(args.sweeps)))


if __name__ == "__main__":
    main()
