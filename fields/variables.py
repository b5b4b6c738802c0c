"""The variables of a forecast: those that are predicted and all inputs, on one grid and time axis.

Shape legend: N frames, C channel, H rows, W columns.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory
from fieldsharp.fields.common_frames import TimeAxis, frames_in_both
from fieldsharp.fields.coordinates.grid_matching import CellOrder, match_grids
from fieldsharp.fields.coordinates.grids import Grid, coordinate_pairs
from fieldsharp.fields.coordinates.selection import DATA_SELECT, option_of_several
from fieldsharp.fields.files.contents import UnknownVariableError
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.series import FieldSeries, period_text
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.static_fields import StaticField, read_static
from fieldsharp.fields.stored_series.store import SeriesStore

logger = logging.getLogger(__name__)

Index = npt.NDArray[np.intp]
COPIES = 2
"""Of a series in memory, where its cells are put into another order, or its units converted."""
BYTES_OF_OTHERS = 8
"""A value of each further variable takes: itself, and in units of the training range."""


@dataclass(frozen=True)
class Variables:
    """What a forecast is made of and from, in physical units, on the grid of the first predicted.

    Attributes:
        predicted: Variables that are predicted.
        others: Inputs that are not predicted.
        static: Fields that do not depend on time.
        known_ahead: Forcings that are variables.
    """

    predicted: tuple[FieldSeries, ...]
    others: tuple[FieldSeries, ...] = ()
    static: tuple[StaticField, ...] = ()
    known_ahead: tuple[FieldSeries, ...] = ()

    @property
    def series(self) -> tuple[FieldSeries, ...]:
        """All variables that have times."""
        return (*self.predicted, *self.others, *self.known_ahead)

    def on_common_times(self) -> "Variables":
        """Return all variables at the times that all of them have, those of the first.

        Raises:
            DataError: If there is none.
        """
        series = iter(_on_common_times(self.series))
        predicted, others = (
            tuple(next(series) for _ in group) for group in (self.predicted, self.others)
        )
        return Variables(predicted, others, self.static, known_ahead=tuple(series))


def read_variables(
    settings: DataSettings,
    use: Use,
    store: SeriesStore | None = None,
    training: DataSettings | None = None,
) -> Variables:
    """Read all variables of a forecast.

    Args:
        settings: Which variables.
        use: Memory that the use of each predicted one takes.
        store: Where they are stored if together they are large; None holds them in memory.
        training: Where static fields are that the data does not hold; None for nowhere.

    Raises:
        DataError: If one cannot be read, or they are not on one grid.
    """
    names = settings.series_names
    series = []
    for read, name in enumerate(names):
        further = BYTES_OF_OTHERS * (len(names) - 1 - read)
        option = option_of_several(name) if name and len(names) > 1 else DATA_SELECT
        each = replace(use, bytes_a_value=use.bytes_a_value + further)
        share = store and store.shared_by(len(names))
        series.append(read_series(settings.of(name), each, share, option))
        series[-1] = _on_grid(series[-1], series[0])
    count, moving = len(settings.predicted), len(names) - len(settings.known_ahead)
    return Variables(
        predicted=tuple(series[:count]),
        others=tuple(series[count:moving]),
        static=tuple(
            _static_on_grid(_static(settings, name, training), series[0])
            for name in settings.static
        ),
        known_ahead=tuple(series[moving:]),
    )


def _static(settings: DataSettings, name: str, training: DataSettings | None) -> StaticField:
    try:
        return read_static(settings, name)
    except UnknownVariableError:
        if training is None or training.path == settings.path:
            raise
    path = DataFiles.of(training.path)
    logger.info("%s is that of the training, from %s", name, path)
    return read_static(training, name)


def frames_at(series: FieldSeries, of: FieldSeries | TimeAxis, what: str) -> tuple[Index, Index]:
    """Return the frames of ``of`` at whose times a series has a frame, and those of the series.

    Raises:
        DataError: If their times cannot be compared.
    """
    axis = TimeAxis(of.time, of.time_attrs)
    theirs = TimeAxis(series.time, series.time_attrs)
    frames, in_series = frames_in_both(axis, theirs, what, f"variable {series.name!r}")
    return np.array(frames, dtype=np.intp), np.array(in_series, dtype=np.intp)


def at_frames(series: FieldSeries, frames: Index) -> FieldSeries:
    """Return some frames of a series, of adjacent ones without a copy."""
    which: slice | Index = frames
    if len(frames) and np.array_equal(frames, np.arange(frames[0], frames[-1] + 1)):
        which = slice(int(frames[0]), int(frames[-1]) + 1)
    if which is frames:
        require_memory_to_copy(series)
    return replace(
        series,
        values_TCHW=series.values_TCHW[which],
        time=series.time[which],
        filled_T=series.filled_T[which],
    )


def require_memory_to_copy(series: FieldSeries) -> None:
    """Check that a series that is memory-mapped fits into memory, where it has to be copied.

    Raises:
        DataError: If it does not.
    """
    if isinstance(series.values_TCHW, np.memmap):
        what = f"variable {series.name!r}, whose units, cells or times are not those wanted,"
        require_memory(COPIES * series.values_TCHW.nbytes, what)


def _on_common_times(series: Sequence[FieldSeries]) -> list[FieldSeries]:
    first = series[0]
    if len(series) == 1:
        return [first]
    common, pairs = np.arange(len(first.time)), []
    for one in series[1:]:
        in_first, in_one = frames_at(one, first, f"variable {first.name!r}")
        pairs.append((in_first, in_one))
        common = np.intersect1d(common, in_first)
        if not len(common):
            # Those of fluxes are often in the middle of the hours that they are means of.
            advice = (
                "bring one to the times of the other"
                if first.time[0] <= one.time[-1] and one.time[0] <= first.time[-1]
                else "give files of one period"
            )
            raise DataError(
                f"variables {first.name!r} and {one.name!r} have no time in common: they run from "
                f"{period_text(first.time)} and from {period_text(one.time)}; {advice}"
            )
    most = max(len(one.time) for one in series)
    if len(common) < most:
        logger.info("%d of %d times are in all variables and are used", len(common), most)
    axis = at_frames(first, common)
    return [axis] + [
        replace(at_frames(one, in_one[np.isin(in_first, common)]), time=axis.time)
        for one, (in_first, in_one) in zip(series[1:], pairs, strict=True)
    ]


def _on_grid(series: FieldSeries, first: FieldSeries) -> FieldSeries:
    """Return a series with its cells in the order of the first.

    Raises:
        DataError: If it is on another grid.
    """
    if series is first:
        return series
    order = _order(grid_of(series), grid_of(first), series.name, first.name)
    if order.is_same:
        return replace(series, grid=first.grid, dims=first.dims)
    require_memory_to_copy(series)
    return replace(
        series,
        values_TCHW=np.ascontiguousarray(order(series.values_TCHW[:, 0])[:, None]),
        mask_HW=order(series.mask_HW[None].astype(np.float32))[0] > 0,
        grid=first.grid,
        dims=first.dims,
    )


def _order(grid: Grid, of_first: Grid, name: str, first: str) -> CellOrder:
    """Return the order of cells as those of the first variable, and log what is by position.

    Cells of models lie at several places (C grids), which their dimensions are named after: where
    those differ, coordinates have to say that places are the same.

    Raises:
        DataError: If it is another grid, or not known to be the same.
    """
    order = match_grids(grid, of_first, f"variable {name!r}", f"variable {first!r}")
    paired = {axis for one, _ in coordinate_pairs(grid, of_first) for axis in one.axes}
    for axis, ours, theirs in (("y", grid.y, of_first.y), ("x", grid.x, of_first.x)):
        is_by_name = ours in (axis, theirs) or theirs == axis  # plain "y" and "x" name no place
        if not (is_by_name or axis in paired or order.is_transposed):
            raise DataError(
                f"variable {name!r} is along {ours!r} and variable {first!r} along {theirs!r}, and "
                "no coordinates say whether these are the same places; write the coordinates of "
                "both into the file, or rename one dimension as the other if they are the same"
            )
    for sentence in order.by_position:
        logger.info("%s", sentence)
    return order


def _static_on_grid(static: StaticField, first: FieldSeries) -> StaticField:
    grid = Grid(static.grid, *static.dims, static.values_HW.shape)
    order = _order(grid, grid_of(first), static.name, first.name)
    values_HW = np.ascontiguousarray(order(static.values_HW[None])[0])
    return replace(static, values_HW=values_HW, grid=first.grid, dims=first.dims[1:])


def grid_of(series: FieldSeries) -> Grid:
    """Return the grid of a series."""
    height, width = series.mask_HW.shape
    return Grid(series.grid, *series.dims[1:], (height, width))
