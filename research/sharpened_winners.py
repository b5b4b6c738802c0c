"""What sweeps come to on the test split, as trained and with a last step, beside no training.

    python -m research.sharpened_winners URL [--studies ...] [--seeds N] [--out FILE]
        [--forecasts FOLDER] [--metrics] [--tables]

URL is the database of finished sweeps. Of each study three are taken by their validation scores
among what breaks no guard: the sharpener that is best for the baseline, the trial that is best as
trained, and the trial that is best with its sharpener. The baseline and these are trained with new
seeds, those of ``confirm``, and judged on the test split, each against the baseline of its seed:
with sharpeners fitted on training forecasts, and with the same fitted on validation forecasts.
``--metrics`` also trains the trials that would be chosen if the score had another term,
``weight * (1 - metric)``. The file gets a line for each training; a second run trains only what it
lacks. ``--tables`` prints the tables of what is there.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from statistics import mean

import torch
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.registry import NO_SHARPENER, SHARPENERS
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.sharpened import judge
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.storage.database import open_database
from fieldsharp.storage.retry import BUSY_TIMEOUT_S
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.confirmation.candidates import new_seeds
from fieldsharp.sweep.study.lookup import load_study, our_studies, study_config
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast
from fieldsharp.sweep.study.trial_records import TrialRecord, complete_baseline, trial_record
from fieldsharp.sweep.study.trial_records import trial_spec as spec_of
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.sharpening import SharpeningPlan, fit_sharpeners, training_forecasts
from research.forecast_fields import KnownForecasts
from research.sharpener_fields import CHOSEN, SPLITS, Sharpened, Split, forecasts_of

RESULTS = PROJECT / "research" / "results" / "sharpened_winners.jsonl"
METRICS = ("gradient_correlation", "csi_99", "fss_90")
VALIDATION = "validation|"
FITTED_ON = {"spread": "training", "validation": "validation"}
WEIGHTS = (0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Chosen:
    """What one row of the table is: a trial, and its sharpener."""

    row: str
    trial: int
    sharpener: str


@dataclass(frozen=True)
class Line:
    """A training with a new seed, under every sharpener, on the test split.

    Attributes:
        chosen: What the sweep chose, the same in every line of a study.
        settings: The loss and learning rate of the trial, in words.
    """

    study: str
    trial: int
    seed: int
    settings: str
    chosen: list[Chosen]
    forecasts: list[Sharpened]

    def as_json(self) -> str:
        """Return a line of the file: of each part the values alone."""
        plain = {
            **{name: getattr(self, name) for name in ("study", "trial", "seed", "settings")},
            "chosen": [astuple(one) for one in self.chosen],
            "forecasts": [astuple(one) for one in self.forecasts],
        }
        return json.dumps(plain, separators=(",", ":"))


class Sweep:
    """A finished sweep: its complete trials, by number."""

    def __init__(self, study: Study) -> None:
        self.name = study.study_name
        self.config = study_config(study)
        trials = study.get_trials(deepcopy=False)
        complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
        baseline = complete_baseline(complete)
        assert baseline is not None, f"the baseline of {self.name} is not complete"
        self.baseline = baseline.number
        self.trials = dict(_readable(complete))
        self.seeds_used = {spec.run.training.seed for spec, _ in self.trials.values()}

    def chosen(self, metrics: Sequence[str] = ()) -> list[Chosen]:
        """Return the rows of the table, then those of other scores."""
        records = {number: record for number, (_, record) in self.trials.items()}
        references = [one for one in records[self.baseline].references if one.feasible]
        rows = [Chosen("baseline", self.baseline, NO_SHARPENER)]
        if references:
            name = references[_first([_figures(one) for one in references])].name
            rows.append(Chosen("best reference", self.baseline, name))
        as_trained = {n: r.sharpening.without for n, r in records.items() if r.sharpening}
        feasible = {number: one for number, one in as_trained.items() if one.feasible}
        plain = list(feasible)[_first([_figures(one) for one in feasible.values()])]
        rows.append(Chosen("best as trained", plain, NO_SHARPENER))
        rows.append(Chosen("the same with its last step", plain, _name(records[plain])))
        best = self._best(records)
        rows.append(Chosen("best with its last step", best, _name(records[best])))
        for metric in metrics:
            for weight in WEIGHTS:
                other = self._best(records, metric, weight)
                rows.append(Chosen(f"{metric} {weight:g}", other, _name(records[other])))
        return rows

    def _best(
        self, records: Mapping[int, TrialRecord], metric: str = "", weight: float = 0.0
    ) -> int:
        feasible = {number: one for number, one in records.items() if one.feasible}
        figures = []
        for one in feasible.values():
            more = weight * (1.0 - one.metrics[metric]) if metric else 0.0
            figures.append((one.score + more, one.metrics["rmse"]))
        return list(feasible)[_first(figures)]


def _readable(
    complete: Sequence[FrozenTrial],
) -> Iterator[tuple[int, tuple[TrialSpec, TrialRecord]]]:
    for trial in complete:
        spec, record = spec_of(trial), trial_record(trial)
        if spec is not None and record is not None:
            yield trial.number, (spec, record)


def _name(record: TrialRecord) -> str:
    return record.sharpening.name if record.sharpening else NO_SHARPENER


def _figures(one: SharpenedForecast) -> tuple[float, float]:
    return one.score, one.judgement.overall["rmse"]


def _first(figures: Sequence[tuple[float, float]]) -> int:
    scores, rmses = zip(*figures, strict=True)
    return ranked(scores, rmses)[0]


def measure(
    sweep: Sweep,
    chosen: list[Chosen],
    seeds: Sequence[int],
    done: set[tuple[int, int]],
    forecasts: Path | None,
) -> Iterator[Line]:
    """Train what was chosen with each seed that is not done, and judge it on the test split."""
    data = load_forecast_data(sweep.config.data)
    evaluators = {split: Evaluator(data, data.part(split)) for split in SPLITS}
    numbers = list(dict.fromkeys([sweep.baseline, *(one.trial for one in chosen)]))
    plan = SharpeningPlan(tuple(SHARPENERS))
    for seed in seeds:
        baseline: dict[Split, MetricValues] = {}
        for number in numbers:
            if number != sweep.baseline and (number, seed) in done:
                continue
            run = sweep.trials[number][0].run
            run = run.model_copy(
                update={"training": run.training.model_copy(update={"seed": seed})}
            )
            file = forecasts and forecasts / f"{sweep.name}-{number}-{seed}.npz"
            net = KnownForecasts.of(run, data, [], file)
            fitted = fit_sharpeners(plan, data, training_forecasts(data, net, seed))
            on_validation = fit_sharpeners(plan, data, forecasts_of(net, data, data.validation))
            more = {f"{VALIDATION}{name}": one for name, one in on_validation.items()}
            kept = []
            for split in SPLITS:
                by_key = fitted | more if split == "test" else fitted
                found = evaluators[split].evaluate_sharpened(net, by_key)
                base = baseline.setdefault(split, found[NO_SHARPENER])
                targets = resolve_targets(sweep.config.objective, base.overall)
                for one in judge(found, NO_SHARPENER, sweep.config.objective, targets, base):
                    way = "validation" if one.sharpener.startswith(VALIDATION) else "spread"
                    name = one.sharpener.removeprefix(VALIDATION)
                    kept.append(Sharpened.of(one, base, split, way, name))
            if (number, seed) not in done:
                yield Line(sweep.name, number, seed, _settings(run), chosen, kept)


def _settings(run: RunSettings) -> str:
    loss, training = run.loss, run.training
    return (
        f"{loss.variant} {loss.gradient_weight:.3g} {loss.multi_step}, "
        f"rate {training.learning_rate:.2g}, warm-up {training.warmup_fraction:.2g}"
    )


def read_lines(file: Path) -> list[Line]:
    """Return what a file holds, nothing where there is none."""
    if not file.exists():
        return []
    return [
        Line(
            **{
                **line,
                "chosen": [Chosen(*one) for one in line["chosen"]],
                "forecasts": [Sharpened(*one) for one in line["forecasts"]],
            }
        )
        for line in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    ]


def _with_best(forecasts: Sequence[Sharpened]) -> list[Sharpened]:
    """Return the forecasts, and by the name ``auto`` that which is best on the validation split."""
    on_validation = [one for one in forecasts if one.split == "validation"]
    if not on_validation:
        return list(forecasts)
    best = min(on_validation, key=lambda one: (len(one.broken), one.score))
    return [
        *forecasts,
        *(
            replace(one, sharpener=CHOSEN)
            for one in forecasts
            if (one.way, one.sharpener) == (best.way, best.sharpener)
        ),
    ]


def tables(lines: Sequence[Line]) -> Iterator[str]:
    """Yield two tables for all studies: means over seeds, test split."""
    yield (
        "| field | forecast | trial, sharpener | score | gradient | peak | RMSE | fractions skill "
        "| CSI 99 % | gradient correlation | guards broken, of seeds |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for study in dict.fromkeys(line.study for line in lines):
        own = [line for line in lines if line.study == study]
        chosen_rows = {one.row: one for line in own for one in line.chosen}
        for row in ("baseline", "best as trained", "best with its last step"):
            step = f"{row}, last step chosen for each seed"
            chosen_rows[step] = replace(chosen_rows[row], row=step, sharpener=CHOSEN)
        rows = [
            (row if way == "spread" else f"{row}, fitted on validation", way, one)
            for row, one in chosen_rows.items()
            for way in ("spread", "validation")
            if way == "spread" or one.sharpener not in (NO_SHARPENER, CHOSEN)
        ]
        for row, way, chosen in rows:
            found = [
                one
                for line in own
                if line.trial == chosen.trial
                for one in _with_best(line.forecasts)
                if (one.split, one.way, one.sharpener) == ("test", way, chosen.sharpener)
            ]
            if not found:
                continue
            broken = [name for one in found for name in dict.fromkeys(one.broken)]
            guards = ", ".join(f"{name} {broken.count(name)}" for name in dict.fromkeys(broken))
            cells = [study, row, f"{chosen.trial}, {chosen.sharpener}", *_figures_of(found)]
            cells.append(f"{guards or '-'} ({len(found)})")
            yield "| " + " | ".join(cells) + " |"
    yield from _every_sharpener(lines)


def _every_sharpener(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a table of every trial that is no baseline, under every sharpener."""
    yield ""
    yield (
        "| field, trial | sharpener, fitted on | score | gradient | peak | RMSE | fractions skill "
        "| CSI 99 % | gradient correlation | seeds without a guard broken |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    trials: dict[str, list[Sharpened]] = {}
    for line in lines:
        if line.trial != next(one.trial for one in line.chosen if one.row == "baseline"):
            name = f"{line.study}, {line.trial}: {line.settings}"
            trials.setdefault(name, []).extend(line.forecasts)
    for name, forecasts in trials.items():
        on_test = [one for one in forecasts if one.split == "test"]
        for way, sharpener in dict.fromkeys((one.way, one.sharpener) for one in on_test):
            found = [one for one in on_test if (one.way, one.sharpener) == (way, sharpener)]
            step = sharpener if sharpener == NO_SHARPENER else f"{sharpener}, {FITTED_ON[way]}"
            held = sum(not one.broken for one in found)
            cells = [name, step, *_figures_of(found), f"{held} of {len(found)}"]
            yield "| " + " | ".join(cells) + " |"


def _figures_of(found: Sequence[Sharpened]) -> list[str]:
    names = ("gradient", "peak", "rmse", "fss_90", "csi_99", "gradient_correlation")
    means = [f"{mean(getattr(one, name) for one in found):.3f}" for name in names]
    return [f"{mean(one.score for one in found):.4f}", *means]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the file lacks, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--studies", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--forecasts", type=Path, help="keep forecasts of trained nets here")
    parser.add_argument("--metrics", action="store_true")
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    lines = read_lines(options.out)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if not options.tables:
        storage = open_database(options.url, "read", BUSY_TIMEOUT_S)
        for name in options.studies or our_studies(storage):
            sweep = Sweep(load_study(storage, name))
            chosen = sweep.chosen(METRICS if options.metrics else ())
            for one in chosen:
                print(f"{name}: {one.row}: trial {one.trial}, {one.sharpener}", flush=True)
            seeds = new_seeds(options.seeds, sweep.seeds_used)
            done = {(line.trial, line.seed) for line in lines if line.study == name}
            for line in measure(sweep, chosen, seeds, done, options.forecasts):
                lines.append(line)
                with options.out.open("a", encoding="utf-8") as out:
                    out.write(line.as_json() + "\n")
    if lines:
        print("\n".join(tables(lines)))


if __name__ == "__main__":
    main()
