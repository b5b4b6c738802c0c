"""Everything that can be known to be wrong before a trial starts, and what the data asks for."""

from pathlib import Path

import torch

from fields.errors import ConfigError, DataError
from fields.windows import ForecastData, load_forecast_data
from model.device import find_hardware
from model.predictors.building import build_predictor, check_predictor
from objectives.targets import Band, resolve_targets
from sweep.configuration.names import setting_path
from sweep.configuration.settings import Choices, RunSettings, SweepConfig
from sweep.running.trial import forecast_shape, verify_predictor
from sweep.study.facts import BandFacts, StudyFacts
from sweep.study.provenance import provenance


def examine(config: SweepConfig) -> StudyFacts:
    """Read the data, try the predictor, and resolve the targets.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If the predictor cannot be built or the targets cannot be met honestly.
    """
    find_hardware(config.training)
    data = load_forecast_data(config.data)
    for run in _structures(config):
        shape = forecast_shape(data, run)
        check_predictor(build_predictor(run.predictor, shape), shape, run.predictor.name)
    observed = verify_predictor(_Persistence(config.data.horizon), data, data.validation)
    _require_gradient(data, observed["gradient_observed"])
    _require_change(data, observed["rmse"])
    targets = resolve_targets(config.objective, observed)
    return StudyFacts(
        variable=data.series.name,
        units=data.series.units,
        gradient=_facts(targets.gradient),
        peak=_facts(targets.peak),
        gradient_observed=observed["gradient_observed"],
        peak_observed=observed["peak_observed"],
        mean_observed=observed["mean_observed"],
        rmse_persistence=observed["rmse"],
        windows={
            "train": len(data.train),
            "validation": len(data.validation),
            "test": len(data.test),
        },
        provenance=provenance(Path(config.data.path)),
    )


class _Persistence:
    """The last known frame, repeated."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon

    def __call__(self, history_BTCHW: torch.Tensor) -> torch.Tensor:
        return history_BTCHW[:, -1:].expand(-1, self.horizon, -1, -1, -1)


def _structures(config: SweepConfig) -> list[RunSettings]:
    """Return the configured training, and one for every searched choice of the predictor's."""
    runs = [config.run]
    for name, searched in config.search.space.items():
        path = setting_path(name)
        if path.startswith("predictor."):
            ends = searched.choices if isinstance(searched, Choices) else (searched.low,)
            runs.extend(config.run_with({path: value}) for value in ends)
    return runs


def _require_gradient(data: ForecastData, gradient_observed: float) -> None:
    if not gradient_observed > 0:  # NaN where no 3 x 3 stencil is valid
        raise ConfigError(
            f"the observed gradient of {data.series.name!r} in the validation frames is "
            f"{gradient_observed:g}: no cell has eight valid neighbours that differ "
            f"({int(data.mask_HW.sum())} cells of {data.mask_HW.shape[0]} x "
            f"{data.mask_HW.shape[1]} are valid); choose a field known in connected areas of at "
            "least 3 x 3 cells"
        )


def _require_change(data: ForecastData, rmse_persistence: float) -> None:
    if rmse_persistence == 0:
        raise DataError(
            f"variable {data.series.name!r} does not change in the validation frames "
            f"{data.split.validation.start} to {data.split.validation.stop - 1}, so no forecast "
            "could beat persistence; choose another period or other shares in data.split"
        )


def _facts(band: Band) -> BandFacts:
    return BandFacts(low=band.low, high=band.high, offset=band.offset)
