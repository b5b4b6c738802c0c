"""Checks of data, predictor and losses before the first trial, and the targets of the study."""

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.derivatives import interior_mask
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import ForecastData, PredictedVariable, load_forecast_data
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.fields.windows import one_channel
from fieldsharp.model.device import count_gpus, find_device
from fieldsharp.model.losses.custom_term import check_own_term
from fieldsharp.model.losses.forecast_loss import term_scales
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.model.predictors.starting_weights import start_from
from fieldsharp.model.settings import LossSettings
from fieldsharp.model.sharpeners.fitted import make_sharpener
from fieldsharp.objectives.guards import broken, check_guards, truth_metrics
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.objectives.targets import resolve_all_targets
from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.ranges import Choices, setting_path
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.training_length import with_whole_epochs
from fieldsharp.sweep.engine.preflight_result import PreflightResult
from fieldsharp.sweep.execution.gpus import CUDA_VISIBLE_DEVICES, visible_gpus, worker_count
from fieldsharp.sweep.execution.script.preflight import require_script, summarise_script_data
from fieldsharp.sweep.execution.script.project_copy import project_sha256
from fieldsharp.sweep.study.data_summary import (
    BandSummary,
    DataSummary,
    LinearForecastSummary,
    VariableSummary,
)
from fieldsharp.sweep.study.provenance import provenance
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.linear_forecast import fit_linear_forecast
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.sharpening import region_of
from fieldsharp.sweep.trials.trial import forecast_shape

logger = logging.getLogger(__name__)

LEAST_INTERIOR_CELLS = 20
WINDOWS_TRIED = 2


def run_preflight(config: SweepConfig, store: SeriesStore | None = None) -> PreflightResult:
    """Read the data, try the predictor, and resolve the targets.

    Args:
        config: Of the sweep.
        store: Where large data are written for its workers; None holds all data in memory.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If the predictor cannot be built, the targets cannot be met by a true forecast,
            or the series is too short for a length that is to be found.
    """
    if config.trainer is None:
        return _preflight_of_data(config, store)
    line = require_script(config)
    return replace(preflight_of_script(config, store), command_line=line)


def preflight_of_script(config: SweepConfig, store: SeriesStore | None = None) -> PreflightResult:
    """Resolve the targets of a script, whose own requirements are in ``require_script``.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If the targets cannot be met by a true forecast.
    """
    if not config.has_data:
        return PreflightResult(config, summarise_script_data(config), None)
    return _preflight_of_data(config, store)


def _preflight_of_data(config: SweepConfig, store: SeriesStore | None) -> PreflightResult:
    if config.executor == "local":
        find_device(config.training)
    data = load_forecast_data(
        config.data,
        processes=local_processes(config),
        measures=config.objective.measures,
        store=store,
    )
    for note in data.geometry.notes if data.geometry else ():
        logger.info("%s", note)
    config = with_length_in_epochs(config, data)
    require_parts(config, data)
    for variable in data.predicted:
        _require_interior(variable)
    evaluator = Evaluator(data, data.validation)
    judgement = evaluator.evaluate(Persistence.of(data), detail=False)
    for variable, values in zip(data.predicted, judgement.each(), strict=True):
        _require_gradient(variable, values.overall["gradient_observed"])
        _require_change(variable, data, values.overall["rmse"])
    require_fair_guards(judgement, config.objective.guards)
    targets = resolve_all_targets(config.objective, judgement, evaluator.names)
    linear = _linear_forecast(config, data, evaluator)
    first, *others = (
        VariableSummary(
            variable=variable.name if len(data.predicted) > 1 else variable.series.name,
            units=variable.series.units,
            gradient=BandSummary.of(bands.gradient),
            peak=BandSummary.of(bands.peak),
            gradient_observed=values.overall["gradient_observed"],
            peak_observed=values.overall["peak_observed"],
            mean_observed=values.overall["mean_observed"],
            rmse_persistence=values.overall["rmse"],
            linear=of_linear,
        )
        for variable, values, bands, of_linear in zip(
            data.predicted, judgement.each(), targets.by_variable.values(), linear, strict=True
        )
    )
    facts = DataSummary(
        **vars(first),
        windows={
            "train": len(data.train),
            "validation": len(data.validation),
            "test": len(data.test),
        },
        weight_units=_weight_units(config, data),
        provenance=provenance(
            DataFiles.of(config.data.path),
            project_sha256(config.trainer) if config.trainer else None,
            data_sha256=store.content() if store is not None else None,
        ),
        variation=evaluator.field_variation(),
        measures=config.objective.measures,
        grid_notes=data.geometry.notes if data.geometry else (),
        others={one.variable: one for one in others},
    )
    return PreflightResult(config, facts, PreviewBuilder(data, "validation").observed())


def with_length_in_epochs(config: SweepConfig, data: ForecastData) -> SweepConfig:
    """Return a configuration of length ``auto`` with the most steps in whole epochs.

    Raises:
        ConfigError: If the series is too short to tell where a training stops improving.
    """
    training = with_whole_epochs(config.training, len(data.train), len(data.validation))
    return config.model_copy(update={"training": training})


def require_parts(config: SweepConfig, data: ForecastData) -> None:
    """Build and try every predictor, loss term and sharpener of the user's that a trial can have.

    Both ``check`` and ``start`` require them.

    Raises:
        ConfigError: If one cannot be built or used.
    """
    for run in _structures(config) if config.trainer is None else ():
        shape = forecast_shape(data, run)
        check_predictor(build_predictor(run.predictor, shape), shape, run.predictor.name)
    if config.starts_from_baseline and config.trainer is None:
        _require_weights_of_the_baseline(config, data)
    _try_own_terms(config, data)
    _require_sharpeners(config, data)


def _require_weights_of_the_baseline(config: SweepConfig, data: ForecastData) -> None:
    """Go on from fresh weights of the baseline with every predictor that a trial can have.

    Raises:
        ConfigError: If one cannot.
    """
    shape = forecast_shape(data, config.run)
    baseline = presets(config)[0].run(config)
    weights = build_predictor(baseline.predictor, shape).state_dict()
    for run in _structures(config):
        start_from(build_predictor(run.predictor, shape), weights)


def _require_sharpeners(config: SweepConfig, data: ForecastData) -> None:
    """Build every sharpener of the user's that a trial can have.

    Raises:
        ConfigError: If one cannot be imported or built.
    """
    for name in map(str, config.searched_values("sharpening.name")):
        if ":" in name:
            for variable in data.predicted:
                make_sharpener(name, region_of(variable))


def local_processes(config: SweepConfig) -> int:
    """Return how many processes of this machine hold the data at the same time in a sweep."""
    if config.executor == "ray" or config.trainer is not None:
        return 1
    gpus = visible_gpus(count_gpus(config.training), os.environ.get(CUDA_VISIBLE_DEVICES))
    return worker_count(config.workers, len(gpus))


def _structures(config: SweepConfig) -> list[RunSettings]:
    """Return the configured training, and one for every searched choice of the predictor's."""
    runs = [config.run]
    for name, searched in config.search.space.items():
        path = setting_path(name)
        if path.startswith("predictor."):
            ends = searched.choices if isinstance(searched, Choices) else (searched.low,)
            runs.extend(config.run_with({path: value}) for value in ends)
    return runs


def _try_own_terms(config: SweepConfig, data: ForecastData) -> None:
    """Evaluate every loss term of the user that the search can choose, on persistence."""
    history_BTCHW, future_BTCHW = next(data.train.in_order(WINDOWS_TRIED))
    still_BTCHW = history_BTCHW[:, -1:, : data.channels].expand_as(future_BTCHW)
    for setting in ("loss.variant", "loss.peak_variant"):
        for name in map(str, config.searched_values(setting)):
            if ":" in name:
                for channel, variable in enumerate(data.predicted):
                    check_own_term(
                        name,
                        setting,
                        one_channel(still_BTCHW, channel),
                        one_channel(future_BTCHW, channel),
                        variable.mask_HW,
                        variable.unit_climatology_CHW,
                    )


def _weight_units(config: SweepConfig, data: ForecastData) -> dict[str, float]:
    """Return the factor from the weight of each preset to the units of the searched weight.

    Weights of the first presets are raw, those of the sharpening ones in units of the base loss;
    the search may use either. Of several variables, whose units of the base loss differ, the
    geometric mean.
    """

    def scale(loss: LossSettings) -> float:
        return _geometric_mean(
            [
                term_scales(
                    *(loss, data.train, variable.mask_HW, variable.unit_climatology_CHW), channel
                ).gradient
                for channel, variable in enumerate(data.predicted)
            ]
        )

    units = {}
    for preset in presets(config):
        loss = preset.run(config).loss
        if loss.normalise != config.loss.normalise and loss.gradient_weight:
            as_searched = loss.model_copy(update={"normalise": config.loss.normalise})
            units[preset.name] = scale(loss) / scale(as_searched)
    return units


def _geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of numbers above 0; of a single one itself, to the last bit."""
    return values[0] if len(values) == 1 else math.exp(fmean(map(math.log, values)))


def _linear_forecast(
    config: SweepConfig, data: ForecastData, evaluator: Evaluator
) -> list[LinearForecastSummary]:
    """Return how good a linear forecast of each variable is, fitted on the training windows."""
    forecast = fit_linear_forecast(data.train, data.masks, config.training.seed)
    summaries = []
    for values in evaluator.evaluate(forecast, detail=False).each():
        power_large_db = values.by_lead["power_large"][0]
        summaries.append(
            LinearForecastSummary(
                rmse=values.overall["rmse"],
                gradient=values.overall["gradient"],
                peak=values.overall["peak"],
                power_large_db=power_large_db if math.isfinite(power_large_db) else None,
            )
        )
    return summaries


def _require_interior(variable: PredictedVariable) -> None:
    mask_HW = variable.mask_HW
    inside = int(interior_mask(mask_HW).sum())
    if inside < LEAST_INTERIOR_CELLS:
        raise ConfigError(
            f"only {inside} cells of {variable.series.name!r} have eight valid neighbours (of "
            f"{int(mask_HW.sum())} valid cells on a grid of {mask_HW.shape[0]} x "
            f"{mask_HW.shape[1]}), and a gradient needs at least {LEAST_INTERIOR_CELLS}; "
            "choose a field known in connected areas, or lower data.min_valid_share"
        )


def require_fair_guards(judgement: MetricValues, limits: GuardSettings) -> None:
    """Refuse limits that the truth itself breaks.

    Raises:
        ConfigError: If it breaks one.
    """
    for values in judgement.each():
        wrong = broken(check_guards(truth_metrics(values), limits, None))
        if wrong:
            guard = wrong[0]
            raise ConfigError(
                f"the truth itself breaks the guard {guard.name}: it has {guard.value:.4g} and "
                f"objective.guards allows {guard.limit:.4g}; loosen that limit"
            )


def _require_gradient(variable: PredictedVariable, gradient_observed: float) -> None:
    if not gradient_observed > 0:  # NaN where no 3 x 3 stencil is valid
        mask_HW = variable.mask_HW
        raise ConfigError(
            f"the observed gradient of {variable.series.name!r} in the validation frames is "
            f"{gradient_observed:g}: no cell has eight valid neighbours that differ "
            f"({int(mask_HW.sum())} cells of {mask_HW.shape[0]} x "
            f"{mask_HW.shape[1]} are valid); choose a field known in connected areas of at "
            "least 3 x 3 cells"
        )


def _require_change(
    variable: PredictedVariable, data: ForecastData, rmse_persistence: float
) -> None:
    if rmse_persistence == 0:
        raise DataError(
            f"variable {variable.series.name!r} does not change in the validation frames "
            f"{data.split.validation.start} to {data.split.validation.stop - 1}, so no forecast "
            "could beat persistence; choose another period or other shares in data.split"
        )
