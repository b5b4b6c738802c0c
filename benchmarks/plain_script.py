"""The script a user would write without the service, for comparison.

    python -m benchmarks.plain_script configs/quickstart.yaml --trials 24

Optuna as its tutorial has it: ``study.optimize`` in one process, TPE and the median pruner with
their defaults, SQLite. Data, training, search space and score are those of a sweep; it knows of no
guards.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import optuna

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange, Scalar, setting_path
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial


def search(
    config: SweepConfig,
    train: Callable[[RunSettings], Iterable[EpochReport]],
    study: optuna.Study,
    trials: int,
) -> None:
    """Train the baseline, then a number of trials; ``train`` yields epoch by epoch."""
    scoring = BaselineScoring(config.objective, run_preflight(config).facts.targets)
    baseline = presets(config)[0].run(config)
    for report in train(baseline):
        scoring.add_baseline(report)
    scoring.end_baseline()

    def objective(trial: optuna.Trial) -> float:
        values = {
            setting_path(name): suggest(trial, name, searched)
            for name, searched in config.search.space.items()
        }
        value = float("nan")
        for report in train(config.run_with(values)):
            score = scoring.at_same_epoch(report)
            assert score is not None, "the baseline ended"
            value = score.total
            trial.report(value, report.epoch + 1)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials=trials, catch=(TrainingFailed,))


def suggest(trial: optuna.Trial, name: str, searched: NumberRange | Choices) -> Scalar:
    """Return the sampler's choice of one parameter."""
    if isinstance(searched, Choices):
        choice = trial.suggest_categorical(name, searched.choices)
        assert choice is not None, "None is no choice"
        return choice
    low, high = searched.low, searched.high
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=searched.log)
    return trial.suggest_float(name, low, high, log=searched.log)


def main(arguments: list[str] | None = None) -> None:
    """Search, and print the best trial."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plain_script")
    parser.add_argument("config", type=Path)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--storage", default="sqlite:///plain.db")
    given = parser.parse_args(arguments)
    config = load_config(given.config).config
    if config.training.length == "auto":  # a plain script knows of none
        config = load_config(given.config, ["training.epochs=12"]).config
    data = load_forecast_data(config.data)
    judge, hardware = Evaluator(data, data.validation), find_hardware(config.training)
    study = optuna.create_study(
        storage=given.storage, study_name=config.study, pruner=optuna.pruners.MedianPruner()
    )
    search(config, lambda run: Trial(run, data, hardware, judge).epochs(), study, given.trials)
    print(f"best: trial {study.best_trial.number}, {study.best_value:.4f}, {study.best_params}")


if __name__ == "__main__":
    main()
