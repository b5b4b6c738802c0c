"""Forecasts from a run folder of any length, autoregressively."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.scaling import unit_frames
from fieldsharp.fields.series import FieldSeries, period_text, time_text
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.time_steps import breaks_in_time, step_seconds, step_text, times_after
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.sweep.results.forecast_times import frame_at
from fieldsharp.sweep.results.other_data import in_trained_units, require_same_field
from fieldsharp.sweep.results.run_folder import TrainedRun

SECONDS_A_DAY = 86_400.0


def forecast(
    trained: TrainedRun,
    steps: int,
    data_path: Path | None = None,
    after: str | None = None,
    sharpening: str | None = None,
) -> FieldSeries:
    """Return the frames that follow the last known one.

    Args:
        trained: A loaded run folder.
        steps: Frames to predict, each ``data.stride`` time steps after the one before.
        data_path: Other data than the run was trained on; same variable and grid, its units
            converted into those of the training.
        after: Time of the last known frame, as text; None for the last frame of the file.
        sharpening: none for the predictor's forecast as it is; None for the run's sharpener.

    Raises:
        DataError: If the data cannot be used, has too few frames before that time, or is irregular
            in time.
        ConfigError: If the grid is not the one the predictor was trained on, the units cannot be
            converted, or the run has not that sharpener.
    """
    sharpener = _sharpener(trained, sharpening)
    settings = _settings(trained, data_path)
    series = in_trained_units(read_series(settings), trained)
    require_same_field(series, trained, settings.path)
    last = frame_at(series, after)
    first = last - (settings.history - 1) * settings.stride
    if first < 0:
        raise DataError(
            f"a forecast after frame {last} needs {settings.history} frames of history "
            f"{settings.stride} time steps apart, more than there are before it; choose a later "
            "time with --after"
        )
    _require_known_history(series, settings, first, last)
    time = times_after(series, last, settings.stride, steps)
    history = slice(first, last + 1, settings.stride)
    known_NCHW = unit_frames(series.values_TCHW[history], series.mask_HW, trained.scaling)
    with torch.no_grad():
        unit_NCHW = _roll_out(trained, known_NCHW, torch.from_numpy(series.mask_HW), steps)
    physical_NCHW = trained.scaling.to_physical(unit_NCHW)
    if sharpener is not None:
        # Beyond the horizon, which no sharpener was fitted on, as at its last lead.
        leads = [min(lead, settings.horizon - 1) for lead in range(steps)]
        physical_NCHW = sharpener(physical_NCHW[None], leads)[0]
    values_NCHW = physical_NCHW.numpy().astype(np.float32)
    name = sharpener.name if sharpener is not None else NO_SHARPENER
    source = f"{trained.run.predictor.name} forecast from {time_text(series.time[last])}"
    return replace(
        series,
        values_TCHW=np.where(series.mask_HW, values_NCHW, np.float32(0)),
        time=time,
        filled_T=np.zeros(steps, dtype=np.float32),
        file_attrs={**series.file_attrs, "source": source, "sharpening": name},
    )


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


def steps_of_days(trained: TrainedRun, days: int, data_path: Path | None = None) -> int:
    """Return the number of predicted frames in a number of days.

    Raises:
        ConfigError: If the time between two frames does not divide a day, or is months or years.
    """
    series = read_series(_settings(trained, data_path))
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


def _settings(trained: TrainedRun, data_path: Path | None) -> DataSettings:
    settings = trained.run.data
    return settings.model_copy(update={"path": str(data_path)}) if data_path else settings


def _roll_out(
    trained: TrainedRun, known_NCHW: torch.Tensor, mask_HW: torch.Tensor, steps: int
) -> torch.Tensor:
    history_BTCHW = known_NCHW[None]
    fill = trained.scaling.to_unit(torch.tensor(trained.scaling.fill)).float()
    predicted: list[torch.Tensor] = []
    while sum(part.shape[1] for part in predicted) < steps:
        # Masked cells are filled as in training: their predicted values were never trained.
        future_BTCHW = torch.where(mask_HW, trained.predictor(history_BTCHW), fill)
        predicted.append(future_BTCHW)
        history_BTCHW = torch.cat([history_BTCHW, future_BTCHW], dim=1)[:, -known_NCHW.shape[0] :]
    return torch.cat(predicted, dim=1)[0, :steps]


def _require_known_history(
    series: FieldSeries, settings: DataSettings, first: int, last: int
) -> None:
    """Check the history as training windows are checked: no break in time, few gaps."""
    if breaks_in_time(series)[first:last].any():
        raise DataError(
            f"time is broken in {period_text(series.time[first : last + 1])}, the history of this "
            "forecast; choose another time with --after"
        )
    filled = float(series.filled_T[first : last + 1 : settings.stride].max())
    if filled > settings.max_filled_share:
        raise DataError(
            f"a frame of the history up to {time_text(series.time[last])} lacks {filled:.0%} of "
            f"its cells, more than data.max_filled_share {settings.max_filled_share:.0%}; choose "
            "another time with --after"
        )
