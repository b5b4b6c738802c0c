"""Windows of a series, held in memory and indexed: history in, future out.

Shape legend: B batch, T frames of a window, C channel, H rows, W columns, N all frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use
from fieldsharp.fields.coordinates.grid_geometry import GridGeometry, grid_geometry
from fieldsharp.fields.masked_statistics import Climatology, fit_climatology
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.scaling import Scaling, fit_scaling
from fieldsharp.fields.series import BoolArray, FieldSeries, FloatArray
from fieldsharp.fields.settings import DataSettings, GridMeasures
from fieldsharp.fields.split import Split, split_frames, window_span
from fieldsharp.fields.time_steps import breaks_in_time

BYTES_A_VALUE = 14
"""Of a field made ready for training: itself, its training frames in double precision for their
mean, or its frames in units of the training range."""


@dataclass(frozen=True)
class Windows:
    """The windows of one part of the series.

    Attributes:
        frames_NCHW: All frames in units of the training range, masked cells filled.
        starts_B: First frame of each window.
        settings: History, horizon and stride.
    """

    frames_NCHW: torch.Tensor
    starts_B: torch.Tensor
    settings: DataSettings

    def __len__(self) -> int:
        return len(self.starts_B)

    def take(self, which: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return history_BTCHW and future_BTCHW of the windows with these indices."""
        length = self.settings.history + self.settings.horizon
        offsets_T = torch.arange(length, device=self.frames_NCHW.device) * self.settings.stride
        window_BTCHW = self.frames_NCHW[self.starts_B[which][:, None] + offsets_T]
        history = self.settings.history
        return window_BTCHW[:, :history], window_BTCHW[:, history:]

    def in_order(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield history and future of all windows, in time order."""
        for first in range(0, len(self), batch_size):
            last = min(first + batch_size, len(self))
            yield self.take(torch.arange(first, last, device=self.frames_NCHW.device))


@dataclass(frozen=True)
class ForecastData:
    """A series prepared for training and scoring: scaled, split and windowed.

    Attributes:
        series: The field in physical units.
        scaling: Fitted on the training frames.
        climatology: Of the training frames.
        mask_HW: The series' mask as a tensor.
        train, validation, test: Windows of each part.
        geometry: What the cells measure; None where all count the same and gradients are per cell.
    """

    series: FieldSeries
    scaling: Scaling
    climatology: Climatology
    split: Split
    mask_HW: torch.Tensor
    train: Windows
    validation: Windows
    test: Windows
    geometry: GridGeometry | None = None

    @property
    def unit_climatology_CHW(self) -> torch.Tensor:
        """Mean of each cell over the training frames, in units of the training range."""
        unit_CHW = self.scaling.to_unit(self.climatology.mean_CHW).float()
        return unit_CHW.to(self.mask_HW.device)

    def part(self, name: Literal["validation", "test"]) -> Windows:
        """Return the windows of the part a forecast is scored on."""
        return self.validation if name == "validation" else self.test


def load_forecast_data(
    settings: DataSettings,
    device: torch.device | str = "cpu",
    processes: int = 1,
    measures: GridMeasures | None = None,
) -> ForecastData:
    """Read, check, split, scale and window a series.

    Args:
        settings: Which field, and what its windows are.
        device: Where the windows are held.
        processes: Processes of this machine that will hold the same data at the same time.
        measures: What forecasts are judged by of the grid; None for nothing.

    Raises:
        DataError: For anything wrong with the file, too short a series or too little memory.
        ConfigError: If gradients per km are asked for on a grid without real distances.
    """
    series = read_series(settings, Use(BYTES_A_VALUE, processes))
    geometry = grid_geometry(series.grid, series.dims, series.mask_HW, measures or GridMeasures())
    split = split_frames(len(series.time), settings)
    scaling = fit_scaling(series, split.train)
    if scaling.high == scaling.low:
        raise DataError(
            f"variable {series.name!r} is constant ({scaling.low:g}) in the training frames; "
            "choose a period in which it changes"
        )
    climatology = fit_climatology(series, split.train)  # before the frames: it takes as much
    frames_NCHW = unit_frames(series.values_TCHW, series.mask_HW, scaling).to(device)
    usable_N = _usable_starts(series, settings)

    def windows(part: range, every: int, name: str) -> Windows:
        last = part.stop - window_span(settings)
        starts = np.arange(part.start, last + 1)
        starts = starts[usable_N[starts]][::every]
        if len(starts) == 0:
            raise DataError(
                f"the {name} part of {Path(settings.path).name} (frames {part.start} to "
                f"{part.stop - 1}) has no window without a break in time or too many missing "
                "values; raise data.max_filled_share or give a more complete series"
            )
        return Windows(frames_NCHW, torch.from_numpy(starts).to(device), settings)

    return ForecastData(
        series=series,
        scaling=scaling,
        climatology=climatology,
        split=split,
        mask_HW=torch.from_numpy(series.mask_HW).to(device),
        train=windows(split.train, settings.train_every, "training"),
        validation=windows(split.validation, settings.score_every, "validation"),
        test=windows(split.test, settings.score_every, "test"),
        geometry=geometry,
    )


def unit_frames(values_NCHW: FloatArray, mask_HW: BoolArray, scaling: Scaling) -> torch.Tensor:
    """Return frames in units of the training range, masked cells filled."""
    filled = np.where(mask_HW, values_NCHW, np.float32(scaling.fill))
    return torch.from_numpy(filled).sub_(scaling.low).div_(scaling.high - scaling.low)


def _usable_starts(series: FieldSeries, settings: DataSettings) -> npt.NDArray[np.bool_]:
    """Return, for each frame, whether a window may start there: no break in time, few gaps."""
    poor = series.filled_T > settings.max_filled_share
    breaks = np.concatenate([[0], np.cumsum(breaks_in_time(series))])
    span = window_span(settings)
    usable = np.zeros(len(series.time), dtype=bool)
    first = np.arange(len(series.time) - span + 1)
    unbroken = breaks[first + span - 1] == breaks[first]
    usable[first] = unbroken & ~poor[first[:, None] + np.arange(0, span, settings.stride)].any(
        axis=1
    )
    return usable
