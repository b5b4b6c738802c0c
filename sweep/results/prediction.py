"""Forecasts from a run folder of any length, autoregressively."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.core.memory import available_memory
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_attributes import forecast_attributes, without_draws
from fieldsharp.fields.reading import SERIES, read_series
from fieldsharp.fields.scaling import to_physical
from fieldsharp.fields.series import FieldSeries, FloatArray, period_text, time_text
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.stored_series.store import SeriesStore, temporary_store
from fieldsharp.fields.time_steps import (
    breaks_in_time,
    same_step,
    step_seconds,
    step_text,
    times_after,
)
from fieldsharp.fields.variables import Variables, read_variables
from fieldsharp.fields.writing import members_together, together
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.sweep.execution.leftover_processes import kill_leftovers
from fieldsharp.sweep.results.forecast_inputs import ForecastInputs
from fieldsharp.sweep.results.forecast_times import frame_at
from fieldsharp.sweep.results.members_asked import MembersAsked
from fieldsharp.sweep.results.other_data import (
    in_trained_cells,
    in_trained_units,
    require_same_field,
)
from fieldsharp.sweep.results.rollout import roll_out
from fieldsharp.sweep.results.run_folder import TrainedRun

SECONDS_A_DAY = 86_400.0
IN_MEMORY = 4 * 2**20
"""A quarter of the free memory, in MB: data that are read once and fit into it are read into it, in
11 bytes a value rather than 4."""
ONE_FORECAST = MembersAsked()


def forecast(
    trained: TrainedRun,
    steps: int,
    data_path: str | None = None,
    after: str | None = None,
    sharpening: str | None = None,
) -> FieldSeries:
    """Return the forecast of the first predicted variable, see ``forecast_variables``."""
    return forecast_variables(trained, steps, data_path, after, sharpening)[0]


def forecast_variables(
    trained: TrainedRun,
    steps: int,
    data_path: str | None = None,
    after: str | None = None,
    sharpening: str | None = None,
    store: SeriesStore | None = None,
) -> tuple[FieldSeries, ...]:
    """Return the frames of each predicted variable that follow the last known one.

    Of an ensemble that is its first member, drawn with the seed of the training. For the arguments
    and errors see ``forecast_members``.
    """
    return forecast_members(trained, steps, data_path, after, sharpening, store)[0]


def forecast_members(
    trained: TrainedRun,
    steps: int,
    data_path: str | None = None,
    after: str | None = None,
    sharpening: str | None = None,
    store: SeriesStore | None = None,
    asked: MembersAsked = ONE_FORECAST,
) -> tuple[tuple[FieldSeries, ...], ...]:
    """Return for each member the frames of each predicted variable that follow the last known one.

    Args:
        trained: A loaded run folder.
        steps: Frames to predict, each ``data.stride`` time steps after the one before.
        data_path: Other data than the run was trained on; same variable and grid, its units
            converted into those of the training.
        after: Time of the last known frame, as text; None for the last frame of the file.
        sharpening: none for the predictor's forecast as it is; None for the run's sharpener.
        store: Where data too large for memory are written; None holds all data in memory.
        asked: Which members of an ensemble.

    Raises:
        DataError: If the data cannot be used, has too few frames before that time, lacks inputs
            that are not predicted, or is irregular in time, or the forecast does not fit in memory.
        ConfigError: If the grid is not the one the predictor was trained on, the units cannot be
            converted, or the run has not that sharpener or no members.
    """
    seed = asked.seed_of_draws(trained)
    sharpener = _sharpener(trained, sharpening)
    asked.require_memory(steps, trained.shape, sharpener is not None)
    settings = _settings(trained, data_path)
    variables = _variables(trained, settings, store)
    series = variables.predicted[0]
    require_same_field(series, trained, str(DataFiles.of(settings.path)))
    variables = in_trained_cells(variables, trained)
    last = frame_at(series, after)
    first = last - (settings.history - 1) * settings.stride
    if first < 0:
        raise DataError(
            f"a forecast after frame {last} needs {settings.history} frames of history "
            f"{settings.stride} time steps apart, more than there are before it; choose a later "
            "time with --after"
        )
    if breaks_in_time(series)[first:last].any():
        raise DataError(
            f"time is broken in {period_text(series.time[first : last + 1])}, the history of this "
            "forecast; choose another time with --after"
        )
    rounds = -(-steps // settings.horizon)
    # Whole rounds: a predictor that is given forcings is given those of its whole horizon.
    ahead = rounds * settings.horizon if settings.forcings else steps
    time = times_after(series, last, settings.stride, ahead)
    history = series.time[first : last + 1 : settings.stride]
    inputs = ForecastInputs(trained, variables, np.concatenate([history, time]), rounds)
    name = sharpener.name if sharpener is not None else NO_SHARPENER
    said = forecast_attributes(
        trained.run.predictor.name, time_text(series.time[last]), name, asked.drawn, seed
    )
    members = []
    for number in range(asked.drawn):
        with torch.no_grad():
            unit_NCHW = roll_out(trained, variables, inputs, steps, number, seed)
        values_NCHW = _physical(unit_NCHW, trained, sharpener)
        members.append(_as_series(values_NCHW, variables, time[:steps], said))
    return tuple(members)


def _physical(
    unit_NCHW: torch.Tensor, trained: TrainedRun, sharpener: FittedSharpener | None
) -> FloatArray:
    """Return frames in physical units, sharpened."""
    physical_NCHW = to_physical(unit_NCHW, trained.scalings)
    if sharpener is not None:
        # Beyond the horizon, which no sharpener was fitted on, as at its last lead.
        leads = [min(lead, trained.run.data.horizon - 1) for lead in range(len(unit_NCHW))]
        physical_NCHW = sharpener(physical_NCHW[None], leads)[0]
    return physical_NCHW.numpy().astype(np.float32)


def _as_series(
    values_NCHW: FloatArray,
    variables: Variables,
    time: npt.NDArray[Any],
    said: Mapping[str, object],
) -> tuple[FieldSeries, ...]:
    """Return a series of each predicted variable."""
    attrs = without_draws(variables.predicted[0].file_attrs)
    return tuple(
        replace(
            one,
            values_TCHW=np.where(one.mask_HW, values_NCHW[:, channel : channel + 1], np.float32(0)),
            time=time,
            filled_T=np.zeros(len(time), dtype=np.float32),
            file_attrs={**attrs, **said},
        )
        for channel, one in enumerate(variables.predicted)
    )


def forecast_of_length(
    trained: TrainedRun,
    steps: int | None,
    days: int | None = None,
    data_path: str | None = None,
    after: str | None = None,
    sharpening: str | None = None,
    asked: MembersAsked = ONE_FORECAST,
) -> xr.Dataset:
    """Return a forecast of so many frames, or where they are None days, as it is written.

    It has a dimension of members where their number is asked for. Data that are large for the free
    memory are read from a temporary file.

    Raises:
        FieldsharpError: See ``forecast_members`` and ``steps_of_days``.
    """
    with kill_leftovers(), temporary_store(available_memory() / IN_MEMORY) as store:
        count = steps if steps is not None else steps_of_days(trained, days or 0, data_path, store)
        members = forecast_members(trained, count, data_path, after, sharpening, store, asked)
    return together(*members[0]) if asked.count is None else members_together(members)


def _variables(trained: TrainedRun, settings: DataSettings, store: SeriesStore | None) -> Variables:
    """Return all variables in the units of the training, the first at its time step.

    A training on hourly and 6-hourly variables is at every sixth hour, that all of them have.
    """
    variables = read_variables(settings, SERIES, store, trained.run.data)
    variables = in_trained_units(variables, trained)
    if len(variables.series) == 1 or same_step(variables.predicted[0], trained.step_s):
        return variables
    common = variables.on_common_times().predicted[0]
    if not same_step(common, trained.step_s):
        return variables
    return replace(variables, predicted=(common, *variables.predicted[1:]))


def _sharpener(trained: TrainedRun, asked: str | None) -> FittedSharpener | None:
    """Return the sharpener of a run, None where there is none or none is asked for."""
    own = trained.run.sharpening.name
    if asked not in (None, NO_SHARPENER, own):
        choices = NO_SHARPENER if own == NO_SHARPENER else f"{NO_SHARPENER} or {own}"
        raise ConfigError(
            f"--sharpening is {asked!r}, which was not fitted on this run; choose {choices}, or "
            f"train it again with --set sharpening.name={asked}"
        )
    return None if asked == NO_SHARPENER else trained.sharpener


def steps_of_days(
    trained: TrainedRun, days: int, data_path: str | None = None, store: SeriesStore | None = None
) -> int:
    """Return the number of predicted frames in a number of days.

    Raises:
        ConfigError: If the time between two frames does not divide a day, or is months or years.
    """
    settings = _settings(trained, data_path)
    series = read_series(settings.of(trained.run.data.predicted[0]), store=store)
    if not same_step(series, trained.step_s):
        series = _variables(trained, settings, store).predicted[0]
    stride = trained.run.data.stride
    months = step_text(series, stride)
    if months is not None:
        raise ConfigError(
            f"--days needs a time between frames that divides a day, found {months}; use --steps"
        )
    between_s = step_seconds(series) * stride
    if not series.is_dated or between_s <= 0 or SECONDS_A_DAY % between_s > 1e-6:
        found = f"{between_s / 3600:g} h" if series.is_dated else "numbers without dates"
        raise ConfigError(
            f"--days needs a time between frames that divides a day, found {found}; use --steps"
        )
    return round(days * SECONDS_A_DAY / between_s)


def _settings(trained: TrainedRun, data_path: str | None) -> DataSettings:
    settings = trained.run.data
    return settings.model_copy(update={"path": data_path}) if data_path else settings
