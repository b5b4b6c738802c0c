"""Ensembles made of baselines, on fields: ``python -m benchmarks.members``.

    python -m benchmarks.members [--fields humidity ...] [--folder FOLDER] [--results FILE]

On each field the baseline is trained as its shipped configuration says, to the length that
``training.length: auto`` finds with the first seed. An ensemble goes on from its weights for a
quarter of its steps. How much is dropped is chosen among ``SHARES`` on the validation part with the
first seed; all else is the same on every field. With every seed, both are then judged on the test
part, as ``objective.mode: members`` does. The time of a step is the processor's, on one thread.

Each field and seed is a line of JSON in the file of results as soon as it is finished, and is not
run again. A row of Markdown is printed for each field: means over the seeds.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch

from benchmarks.fields.results import Sharpness
from benchmarks.fields.rows import ROWS, Row
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.windows import Windows
from fieldsharp.model.device import find_hardware
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.settings import LossSettings, PredictorSettings, TrainingSettings
from fieldsharp.objectives.members.result import best_crps
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import MembersJudged
from fieldsharp.sweep.configuration.baseline_start import starting_from
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.training_length import fixed_length
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.member_forecasts import Forecaster
from fieldsharp.sweep.trials.member_references import evaluate_member_references
from fieldsharp.sweep.trials.trial import Trial

FIELDS = ("humidity", "temperature", "rain", "showers")
JUDGED = MembersJudged(count=8, thresholds=(0.9, 0.99))
LOSS = "spectral_crps"
MEMBERS = 4
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4)
FINE_TUNING = 0.25
MEMBERS_TIMED = 8
STEPS_TIMED = 3
REPEATS = 7


@dataclass(frozen=True)
class Figures:
    """What an ensemble came to.

    Attributes:
        gradient: Of a member over the observed.
        peak: The same, above the observed mean.
        rmse_of_mean: Without the sampling part, over the RMSE of the baseline.
        crps: Fair CRPS over that of the best ensemble without training.
        spread: Over the error of the mean.
        steps: Of the fine-tuning over those of the baseline.
        step_time: Of a step with eight members over one of the baseline.
        baseline_gradient: Of the baseline over the observed.
        baseline_peak: The same, above the observed mean.
    """

    gradient: float
    peak: float
    rmse_of_mean: float
    crps: float
    spread: float
    steps: float
    step_time: float
    baseline_gradient: float
    baseline_peak: float

    @property
    def distance(self) -> float:
        """How far members are from sharp and honest, and their CRPS."""
        off = abs(self.gradient - 1.0) + abs(self.peak - 1.0) + abs(self.spread - 1.0)
        return off + max(0.0, self.rmse_of_mean - 1.0) + self.crps


AIMS: Mapping[str, tuple[float, float]] = {
    "gradient": (0.95, 1.05),
    "peak": (0.95, 1.05),
    "rmse_of_mean": (0.0, 1.02),
    "crps": (0.0, 0.9),
    "spread": (0.9, 1.1),
    "steps": (0.0, 0.25),
    "step_time": (0.0, 9.6),
}


@dataclass(frozen=True)
class Baseline:
    """A trained baseline.

    Attributes:
        run: Its settings, of a fixed length.
        trial: After its last epoch.
    """

    run: RunSettings
    trial: Trial

    @property
    def steps(self) -> int:
        """Of its training."""
        return self.trial.trainer.total_steps


def found_baseline(config: SweepConfig, data: ForecastData) -> RunSettings:
    """Return the settings of the baseline with the length that the first seed finds."""
    run = config.run
    trial = Trial(run, data, find_hardware(run.training))
    for _ in trial.epochs():
        pass
    training = fixed_length(trial.run.training, trial.trainer.epochs_done)
    return run.model_copy(update={"training": training})


def trained_baseline(run: RunSettings, data: ForecastData, seed: int) -> Baseline:
    """Train the baseline with a seed."""
    run = _with(run, seed=seed)
    trial = Trial(run, data, find_hardware(run.training), judged_every_epoch=False)
    for _ in trial.epochs():
        pass
    return Baseline(run, trial)


def ensemble_settings(run: RunSettings, share: float, members: int = MEMBERS) -> RunSettings:
    """Return the settings of an ensemble of a baseline's net, of the same length."""
    member = run.predictor
    own = {"member": member.name, "members": members, "noise": "dropout", "dropout": share}
    options = {**member.options, **own}
    predictor = PredictorSettings(name="ensemble", width=member.width, options=options)
    return run.model_copy(update={"predictor": predictor, "loss": LossSettings(base=LOSS)})


def fine_tuned(baseline: Baseline, data: ForecastData, share: float) -> Trial:
    """Train an ensemble from the weights of the baseline, for a share of its steps."""
    run = _with(ensemble_settings(baseline.run, share), start="baseline", fine_tuning=FINE_TUNING)
    run = starting_from(run, baseline.run)
    trial = Trial(run, data, find_hardware(run.training), judged_every_epoch=False)
    trial.start_from(baseline.trial.predictor.state_dict())
    for _ in trial.trainer.epochs():
        pass
    return trial


class Judging:
    """Judges ensembles beside their baseline, on some windows.

    Args:
        baseline: That they go on from.
        windows: Of the validation or the test part.
    """

    def __init__(self, baseline: Baseline, data: ForecastData, windows: Windows) -> None:
        self._baseline = baseline
        self._evaluator = Evaluator(data, windows, JUDGED)
        predictor, seed = baseline.trial.predictor, baseline.run.training.seed
        self._of_baseline = self._evaluator.evaluate(predictor, detail=False)
        references = evaluate_member_references(
            self._evaluator, predictor, self._of_baseline, seed, detail=False
        )
        best = best_crps(references, self._evaluator.names)
        assert best is not None, "both references are ensembles"
        self._best_crps = best[self._evaluator.names[0]]

    def figures(self, ensemble: Trial, step_time: float) -> Figures:
        """Return what an ensemble came to."""
        before, found = self._of_baseline.overall, self._judged(ensemble.predictor)
        sharpness, sharpness_before = Sharpness.of(found.overall), Sharpness.of(before)
        return Figures(
            gradient=sharpness.gradient,
            peak=sharpness.peak,
            rmse_of_mean=found.overall["rmse_of_mean_without_sampling"] / before["rmse"],
            crps=found.crps / self._best_crps,
            spread=found.overall["spread_over_error"],
            steps=ensemble.trainer.total_steps / self._baseline.steps,
            step_time=step_time,
            baseline_gradient=sharpness_before.gradient,
            baseline_peak=sharpness_before.peak,
        )

    def _judged(self, predictor: Forecaster) -> MetricValues:
        seed = self._baseline.run.training.seed
        found = self._evaluator.evaluate_sharpened(predictor, {}, seed=seed, detail=False)
        return found[NO_SHARPENER]


def step_time(run: RunSettings, data: ForecastData, share: float) -> float:
    """Return the time of a step with eight members over that of the baseline."""
    few = {"epochs": REPEATS + 1, "epoch_windows": STEPS_TIMED * run.training.batch_size}
    tried = [run, ensemble_settings(run, share, MEMBERS_TIMED)]
    epochs = [
        Trial(_with(one, **few), data, find_hardware(one.training)).trainer.epochs()
        for one in tried
    ]
    taken: list[list[float]] = [[], []]
    for one in epochs:  # the first steps choose kernels and fill caches
        next(one)
    for _ in range(REPEATS):
        for one, times in zip(epochs, taken, strict=True):
            began = time.process_time()
            next(one)
            times.append(time.process_time() - began)
    return median(taken[1]) / median(taken[0])


def _with(run: RunSettings, **changes: Any) -> RunSettings:
    tree = run.training.model_dump()
    return run.model_copy(update={"training": TrainingSettings(**{**tree, **changes})})


def run_field(row: Row, seeds: Sequence[int], folder: Path, results: Path | None) -> list[Figures]:
    """Return the figures of each seed, and add those that were not there to the file."""
    known = _read(results, row.name)
    with tempfile.TemporaryDirectory() as work:
        path = row.source.path(folder, Path(work))
        changes = [f"data.path={json.dumps(str(path))}", *row.changes]
        config = load_config(PROJECT / "configs" / f"{row.config}.yaml", changes).config
        missing = [seed for seed in seeds if seed not in known]
        if missing:
            data = load_forecast_data(config.data)
            run = found_baseline(config, data)
            first = trained_baseline(run, data, seeds[0])
            share = _best_share(first, data)
            ratio = step_time(run, data, share)
        for seed in missing:
            baseline = trained_baseline(run, data, seed)
            ensemble = fine_tuned(baseline, data, share)
            known[seed] = Judging(baseline, data, data.test).figures(ensemble, ratio)
            if results is not None:
                line = {"field": row.name, "seed": seed, "dropout": share, "steps": baseline.steps}
                with results.open("a") as file:
                    file.write(json.dumps({**line, "figures": asdict(known[seed])}) + "\n")
    return [known[seed] for seed in seeds]


def _best_share(baseline: Baseline, data: ForecastData) -> float:
    """Return the share with which the ensemble is best on the validation part."""
    judging = Judging(baseline, data, data.validation)

    def distance(share: float) -> float:
        return judging.figures(fine_tuned(baseline, data, share), step_time=0.0).distance

    return min(SHARES, key=distance)


def _read(results: Path | None, field: str) -> dict[int, Figures]:
    if results is None or not results.is_file():
        return {}
    lines = map(json.loads, results.read_text().splitlines())
    return {line["seed"]: Figures(**line["figures"]) for line in lines if line["field"] == field}


def table_row(field: str, found: Sequence[Figures]) -> str:
    """Return a row of Markdown: means over the seeds, in bold what is within its aim."""
    cells = []
    for name in (one.name for one in fields(Figures)):
        mean = fmean(getattr(one, name) for one in found)
        low, high = AIMS.get(name, (float("inf"), 0.0))
        cells.append(f"**{mean:.3f}**" if low <= mean <= high else f"{mean:.3f}")
    return f"| {field} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the fields, and print a row for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fields", nargs="+", default=FIELDS, choices=[row.name for row in ROWS])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--folder", type=Path, default=Path(), help="of fields not shipped")
    parser.add_argument("--results", type=Path, help="file of JSON lines, gone on with")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    names = [one.name.replace("_", " ") for one in fields(Figures)]
    print(f"| field | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for row in (row for row in ROWS if row.name in chosen.fields):
        found = run_field(row, range(chosen.seeds), chosen.folder, chosen.results)
        print(table_row(row.name, found), flush=True)


if __name__ == "__main__":
    main()
