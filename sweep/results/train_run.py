"""One training outside a sweep, from an exported or written configuration, into a run folder."""

import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from fieldsharp.core.errors import ConfigError, TrainingFailed
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.stored_series.store import SeriesStore, temporary_store
from fieldsharp.model.device import Hardware, find_hardware
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.model.registry import BEST_SHARPENER, NO_SHARPENER
from fieldsharp.objectives.metrics import METRICS
from fieldsharp.objectives.per_variable import named, split_name
from fieldsharp.objectives.sharpened import best_of, judge
from fieldsharp.objectives.targets import resolve_all_targets
from fieldsharp.sweep.configuration.baseline_start import starting_from
from fieldsharp.sweep.configuration.config_file import ConfigFile
from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.training_length import fixed_length, pilot_of
from fieldsharp.sweep.results.run_folder import make_run_folder, save_run
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.provenance import provenance
from fieldsharp.sweep.trials.baseline_weights import Weights, baseline_training, weights_of
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial, forecast_shape

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingOutcome:
    """Result of a training.

    Attributes:
        metrics: On the validation split, physical units, with the sharpener.
        largest_difference: Largest relative difference from the metrics of the export it was
            trained from; None for a configuration that carries none.
        largest_difference_of: The metric that has it; None likewise.
        sharpening: Name of the sharpener, or none.
        others: Units of the other predicted variables, by name.
    """

    metrics: Mapping[str, float]
    units: str
    largest_difference: float | None
    largest_difference_of: str | None = None
    sharpening: str = NO_SHARPENER
    others: Mapping[str, str] = field(default_factory=dict)


def train_into(file: ConfigFile, folder: Path) -> TrainingOutcome:
    """Train one configuration and write the result to a run folder.

    Raises:
        BadInput: If the configuration, data or folder cannot be used.
        TrainingFailed: If the training diverged.
    """
    config = file.config
    if config.trainer is not None:
        raise ConfigError(
            f"this configuration trains the script {' '.join(config.trainer.command)!r}, which is "
            "run by hand; give it the values under trainer.given"
        )
    with temporary_store(
        config.workers.share_data_above_mb, config.recovery.free_space_mb
    ) as store:
        return _train(file, folder, store)


def _train(file: ConfigFile, folder: Path, store: SeriesStore) -> TrainingOutcome:
    config = file.config
    torch.set_num_threads(config.training.threads)
    hardware = find_hardware(config.training)
    data = load_forecast_data(
        config.data, hardware.device, measures=config.objective.measures, store=store
    )
    shape = forecast_shape(data, config.run)
    check_predictor(build_predictor(config.predictor, shape), shape, config.predictor.name)
    origin = provenance(DataFiles.of(config.data.path))
    exported_sha256 = file.exported.get("data_sha256", origin.data_sha256)
    if exported_sha256 != origin.data_sha256:
        logger.warning(
            "the data are not those this configuration was exported with: its metrics will differ"
        )
    make_run_folder(folder)
    evaluator = Evaluator(data, data.validation, config.objective.members_judged)
    first = None
    if config.training.start == "baseline":
        config, first = _after_its_baseline(config, data, hardware)
    trial = _trial(config.run, data, hardware, evaluator)
    if first is not None:
        trial.start_from(first.weights)
    reports = []
    most = " at most" if trial.run.training.length == "auto" else ""
    for report in trial.epochs():
        reports.append(report)
        m = report.metrics
        logger.info(
            "epoch %d of %d%s: loss %.4g, gradient %.4g, peak %.4g, rmse %.4g",
            report.epoch + 1,
            trial.run.training.epochs,
            most,
            report.losses.total,
            m["gradient"],
            m["peak"],
            m["rmse"],
        )
    if not reports:
        raise TrainingFailed("the training ended without a single epoch")
    if trial.found is not None:
        logger.info("the RMSE was best after epoch %d, which is kept", trial.found.epochs)
        reports = trial.reports
    config = config.model_copy(update={"training": fixed_length(trial.run.training, len(reports))})
    names = [variable.name for variable in data.predicted]
    name, metrics = _with_last_step(config, reports[-1], names)
    tree = {
        **config.model_dump(mode="json"),
        "sharpening": {"name": name},
        "metrics": metrics,
        "exported": {
            **file.exported,
            **({"start": first.cost} if first is not None else {}),
            "device": str(hardware.device),
            "precision": str(hardware.precision).removeprefix("torch."),
            **origin.model_dump(mode="json"),
        },
    }
    sharpener = trial.sharpeners.get(name)
    save_run(folder, tree, trial.predictor, shape, data, reports, sharpener)
    metric, difference = _largest_difference(metrics, file.metrics) or (None, None)
    others = {variable.name: variable.series.units for variable in data.predicted[1:]}
    return TrainingOutcome(metrics, data.series.units, difference, metric, name, others)


@dataclass(frozen=True)
class _TrainedFirst:
    """The baseline that a training goes on from.

    Attributes:
        weights: That it ended with.
        cost: Its steps and its seconds.
    """

    weights: Weights
    cost: dict[str, float]


def _after_its_baseline(
    config: SweepConfig, data: ForecastData, hardware: Hardware
) -> tuple[SweepConfig, _TrainedFirst]:
    """Train the baseline first, and return the configuration of the training that goes on from it.

    It is the one of ``start_from`` or, in a configuration that was not exported, the one that a
    sweep would begin with, whose length may be found.
    """
    began = time.perf_counter()
    logger.info("the baseline is trained first, whose weights the training goes on from")
    if config.start_from is not None:
        first = baseline_training(config.run, data, hardware)
    else:
        first = _trial(presets(config)[0].run(config), data, hardware, plan=SharpeningPlan(()))
    steps = 0
    for report in first.epochs():
        steps += first.trainer.steps_an_epoch
        logger.info("baseline, epoch %d: rmse %.4g", report.epoch + 1, report.metrics["rmse"])
    cost = {"steps": steps, "seconds": time.perf_counter() - began}
    logger.info("the baseline took %d steps and %.0f s", steps, cost["seconds"])
    if config.start_from is None:
        training = fixed_length(first.run.training, len(first.reports))
        baseline = first.run.model_copy(update={"training": training})
        run = starting_from(config.run, baseline)
        changed = {"training": run.training, "start_from": run.start_from}
        config = config.model_copy(update=changed)
    return config, _TrainedFirst(weights_of(first), cost)


def _trial(
    run: RunSettings,
    data: ForecastData,
    hardware: Hardware,
    evaluator: Evaluator | None = None,
    plan: SharpeningPlan | None = None,
) -> Trial:
    """Return the training; under a falling rate its length is found by another one first."""
    pilot = pilot_of(run.training)
    if pilot is None:
        return Trial(run, data, hardware, evaluator, sharpening=plan)
    finding = Trial(
        run.model_copy(update={"training": pilot}),
        data,
        hardware,
        evaluator,
        sharpening=SharpeningPlan(()),
    )
    logger.info("a schedule-free training finds how many epochs are trained")
    for report in finding.epochs():
        logger.info("epoch %d: rmse %.4g", report.epoch + 1, report.metrics["rmse"])
    assert finding.found is not None, "its length is auto"
    training = finding.run.training.model_copy(update={"schedule": run.training.schedule})
    length = {"training": fixed_length(training, finding.found.epochs)}
    return Trial(run.model_copy(update=length), data, hardware, evaluator, sharpening=plan)


def _with_last_step(
    config: SweepConfig, report: EpochReport, names: Sequence[str]
) -> tuple[str, dict[str, float]]:
    """Return the sharpener of a training, and the metrics with it.

    Where the best is asked for, it is compared with the forecast as it is: there is no baseline.

    Args:
        config: Of the training.
        report: Of its last epoch.
        names: Of the predicted variables.
    """
    name = config.sharpening.name
    if name == NO_SHARPENER:
        return name, report.metrics
    if name != BEST_SHARPENER:
        return name, report.sharpened[name].all_overall
    plain = report.judgement
    targets = resolve_all_targets(config.objective, plain, names, chosen_elsewhere=True)
    forecasts = {NO_SHARPENER: plain, **report.sharpened}
    best = best_of(judge(forecasts, NO_SHARPENER, config.objective, targets, plain))
    return best.sharpener, best.values.all_overall


def _largest_difference(
    found: Mapping[str, float], expected: Mapping[str, float]
) -> tuple[str, float] | None:
    """Return the metric that differs most from the export, and by how much; None without one.

    Relative to the larger of both magnitudes or, for metrics near 0 such as a bias, to the scale
    that a difference in the metric is judged by: see ``_scale``.
    """
    differences = {
        name: _difference(found[name], value, _scale(name, found, expected))
        for name, value in expected.items()
        if name in found
    }
    if not differences:
        return None
    largest = max(differences, key=lambda name: differences[name])
    return largest, differences[largest]


def _difference(found: float, expected: float, scale: float) -> float:
    if found == expected or (math.isnan(found) and math.isnan(expected)):
        return 0.0
    if not (math.isfinite(found) and math.isfinite(expected)):
        return math.inf
    largest = max(abs(found), abs(expected), scale)
    # Each by itself, since the difference of two large numbers may be none.
    return abs(found / largest - expected / largest)


def _scale(name: str, *sets: Mapping[str, float]) -> float:
    """Return the least magnitude that a difference in a metric is related to.

    1 for ratios, correlations, decibels and cells. In physical units the error of the forecast, or
    for gradients the observed one: a bias of a millionth of either is none. The smallest number
    that has a reciprocal where it is not known.
    """
    variable, name = split_name(name)
    metric = METRICS.get(name)
    if metric is not None and metric.unit not in ("field", "field per cell"):
        return 1.0
    of = "gradient_observed" if metric is not None and metric.unit == "field per cell" else "rmse"
    known = (abs(metrics.get(named(variable, of), 0.0)) for metrics in sets)
    return max([v for v in known if math.isfinite(v)] + [sys.float_info.min])
