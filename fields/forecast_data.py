"""Variables prepared for training and scoring: scaled, split and windowed.

Shape legend: N all frames, C channel, H rows, W columns.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use
from fieldsharp.fields.coordinates.grid_geometry import GridGeometry, grid_geometry
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forcings import forcing_frames
from fieldsharp.fields.frames import Frames, FramesInMemory, joined
from fieldsharp.fields.further_inputs import FurtherInputs
from fieldsharp.fields.masked_statistics import Climatology, fit_climatology
from fieldsharp.fields.scaling import (
    ScaledVariable,
    Scaling,
    fit_scaling,
    scaling_of_static,
    to_physical,
    unit_frames,
)
from fieldsharp.fields.series import FieldSeries, FloatArray
from fieldsharp.fields.settings import DataSettings, GridMeasures
from fieldsharp.fields.split import Split, split_frames, window_span
from fieldsharp.fields.static_fields import StaticField
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.fields.stored_series.stored_frames import StoredFrames
from fieldsharp.fields.time_steps import breaks_in_time
from fieldsharp.fields.valid_cells import indexed_on
from fieldsharp.fields.variables import Variables, read_variables
from fieldsharp.fields.windows import Windows

BYTES_A_VALUE = 14
"""Of a field made ready for training: itself, its frames in units of the training range, and what
these are computed from."""
Device = torch.device | str


@dataclass(frozen=True)
class PredictedVariable:
    """A predicted variable, and what forecasts of it are judged by.

    Attributes:
        name: As settings name it; that of the file where they name none.
        series: The field in physical units.
        scaling: Fitted on the training frames.
        climatology: Of the training frames.
        mask_HW: The series' mask as a tensor.
        geometry: What the cells measure; None where all count the same and gradients are per cell.
    """

    name: str
    series: FieldSeries
    scaling: Scaling
    climatology: Climatology
    mask_HW: torch.Tensor
    geometry: GridGeometry | None = None

    @property
    def unit_climatology_CHW(self) -> torch.Tensor:
        """Mean of each cell over the training frames, in units of the training range."""
        unit_CHW = self.scaling.to_unit(self.climatology.mean_CHW).float()
        return unit_CHW.to(self.mask_HW.device)


@dataclass(frozen=True)
class ForecastData:
    """Variables prepared for training and scoring: scaled, split and windowed.

    Attributes:
        predicted: Variables that are predicted; the first is shown first.
        train, validation, test: Windows of each part; their futures have a channel for each
            predicted variable.
        filled_T: Largest share of the cells of any variable that was filled in each frame.
        inputs: Further inputs that are scaled.
    """

    predicted: tuple[PredictedVariable, ...]
    split: Split
    train: Windows
    validation: Windows
    test: Windows
    filled_T: FloatArray
    inputs: tuple[ScaledVariable, ...] = ()

    @property
    def first(self) -> PredictedVariable:
        """The first predicted variable."""
        return self.predicted[0]

    @property
    def series(self) -> FieldSeries:
        """The first predicted variable in physical units."""
        return self.first.series

    @property
    def scaling(self) -> Scaling:
        """That of the first predicted variable."""
        return self.first.scaling

    @property
    def climatology(self) -> Climatology:
        """That of the first predicted variable."""
        return self.first.climatology

    @property
    def mask_HW(self) -> torch.Tensor:
        """That of the first predicted variable."""
        return self.first.mask_HW

    @property
    def masks(self) -> torch.Tensor:
        """The mask of the only predicted variable [H, W], or those of several [C, H, W]."""
        if len(self.predicted) == 1:
            return self.first.mask_HW
        return torch.stack([variable.mask_HW for variable in self.predicted])

    @property
    def geometry(self) -> GridGeometry | None:
        """That of the first predicted variable."""
        return self.first.geometry

    @property
    def unit_climatology_CHW(self) -> torch.Tensor:
        """That of the first predicted variable."""
        return self.first.unit_climatology_CHW

    @property
    def channels(self) -> int:
        """Channels that are predicted."""
        return len(self.predicted)

    @property
    def input_channels(self) -> int:
        """Channels of a history."""
        further = self.train.further
        return self.channels + (further.channels(self.train.settings) if further else 0)

    def part(self, name: Literal["validation", "test"]) -> Windows:
        """Return the windows of the part a forecast is scored on."""
        return self.validation if name == "validation" else self.test

    def to_physical(self, unit_BTCHW: torch.Tensor) -> torch.Tensor:
        """Return frames of the predicted variables in physical units, double precision."""
        return to_physical(unit_BTCHW, [variable.scaling for variable in self.predicted])


def load_forecast_data(
    settings: DataSettings,
    device: Device = "cpu",
    processes: int = 1,
    measures: GridMeasures | None = None,
    store: SeriesStore | None = None,
) -> ForecastData:
    """Read, check, split, scale and window all variables of a forecast.

    Args:
        settings: Which fields, and what their windows are.
        device: Where the windows are held.
        processes: Processes of this machine that will hold the same data at the same time.
        measures: What forecasts are judged by of the grid; None for nothing.
        store: Where large data are stored, and read from when a window is taken; None holds all
            data in memory.

    Raises:
        DataError: For anything wrong with the file, too short a series, too little memory or room.
        ConfigError: If gradients per km are asked for on a grid without real distances.
    """
    use = Use(BYTES_A_VALUE, processes)
    variables = read_variables(settings, use, store).on_common_times()
    from_file = any(isinstance(series.values_TCHW, np.memmap) for series in variables.series)
    split = split_frames(len(variables.predicted[0].time), settings)
    named = [
        name or one.name for name, one in zip(settings.predicted, variables.predicted, strict=True)
    ]
    predicted, frames = [], []
    for name, series in zip(named, variables.predicted, strict=True):
        geometry = grid_geometry(
            series.grid, series.dims, series.mask_HW, measures or GridMeasures()
        )
        scaling = _scaling(series, split)
        climatology = fit_climatology(series, split.train)
        mask_HW = indexed_on(torch.from_numpy(series.mask_HW), device)
        predicted.append(PredictedVariable(name, series, scaling, climatology, mask_HW, geometry))
        frames.append(_frames(series, scaling, device))
    further, inputs = _further_inputs(settings, variables, split, device)
    filled_T = np.max([one.filled_T for one in variables.series], axis=0)
    usable_N = _usable_starts(variables.predicted[0], filled_T, settings)

    def windows(part: range, every: int, name: str) -> Windows:
        last = part.stop - window_span(settings)
        starts = np.arange(part.start, last + 1)
        starts = starts[usable_N[starts]][::every]
        if len(starts) == 0:
            raise DataError(
                f"the {name} part of {DataFiles.of(settings.path).name} (frames {part.start} to "
                f"{part.stop - 1}) has no window without a break in time or too many missing "
                "values; raise data.max_filled_share or give a more complete series"
            )
        starts_B = torch.from_numpy(starts).to(device)
        return Windows(joined(frames), starts_B, settings, further, from_file)

    return ForecastData(
        predicted=tuple(predicted),
        split=split,
        train=windows(split.train, settings.train_every, "training"),
        validation=windows(split.validation, settings.score_every, "validation"),
        test=windows(split.test, settings.score_every, "test"),
        filled_T=filled_T,
        inputs=inputs,
    )


def _further_inputs(
    settings: DataSettings, variables: Variables, split: Split, device: Device
) -> tuple[FurtherInputs | None, tuple[ScaledVariable, ...]]:
    """Return the inputs beside what is predicted, and how they are scaled; None without any."""
    first = variables.predicted[0]
    inputs: list[ScaledVariable] = []

    def scaled(name: str, series: FieldSeries) -> Frames:
        scaling = _scaling(series, split)
        inputs.append(ScaledVariable(name, series.units, scaling))
        return _frames(series, scaling, device)

    others = [
        scaled(n, one) for n, one in zip(settings.other_inputs, variables.others, strict=True)
    ]
    static = []
    for name, field in zip(settings.static, variables.static, strict=True):
        scaling = scaling_of_static(field)
        inputs.append(ScaledVariable(name, field.units, scaling))
        static.append(static_frame(field, scaling).to(device))
    ahead = [
        scaled(n, one) for n, one in zip(settings.known_ahead, variables.known_ahead, strict=True)
    ]
    forcings = forcing_frames(settings, first.time, first, ahead, device)
    return FurtherInputs.of(others, static, forcings), tuple(inputs)


def static_frame(field: StaticField, scaling: Scaling) -> torch.Tensor:
    """Return a static field in units of its range [H, W], missing cells filled."""
    known_HW = np.isfinite(field.values_HW)
    return unit_frames(field.values_HW[None, None], known_HW, scaling)[0, 0]


def _frames(series: FieldSeries, scaling: Scaling, device: Device) -> Frames:
    if isinstance(series.values_TCHW, np.memmap):
        return StoredFrames(series.values_TCHW, series.mask_HW, scaling, torch.device(device))
    return FramesInMemory(unit_frames(series.values_TCHW, series.mask_HW, scaling).to(device))


def _scaling(series: FieldSeries, split: Split) -> Scaling:
    scaling = fit_scaling(series, split.train)
    if scaling.high == scaling.low:
        raise DataError(
            f"variable {series.name!r} is constant ({scaling.low:g}) in the training frames; "
            "choose a period in which it changes"
        )
    return scaling


def _usable_starts(
    series: FieldSeries, filled_T: FloatArray, settings: DataSettings
) -> npt.NDArray[np.bool_]:
    """Return, for each frame, whether a window may start there: no break in time, few gaps."""
    poor = filled_T > settings.max_filled_share
    breaks = np.concatenate([[0], np.cumsum(breaks_in_time(series))])
    span = window_span(settings)
    usable = np.zeros(len(series.time), dtype=bool)
    first = np.arange(len(series.time) - span + 1)
    unbroken = breaks[first + span - 1] == breaks[first]
    usable[first] = unbroken & ~poor[first[:, None] + np.arange(0, span, settings.stride)].any(
        axis=1
    )
    return usable
