"""Reads one variable of a file as a field, with all its contents checked."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.memory import Use
from fieldsharp.core.printable import printable
from fieldsharp.fields.coordinates.selection import DATA_SELECT, SelectOption
from fieldsharp.fields.missing_values import fill_in_time, valid_cells
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.field_source import FieldSource, all_values
from fieldsharp.fields.sources.opening import open_field
from fieldsharp.fields.stored_series.series_file import FilledValues
from fieldsharp.fields.stored_series.store import SeriesStore

SERIES = Use(bytes_a_value=11)
"""Single precision, its copy without gaps, and where it had some."""
RAW = Use(bytes_a_value=8)
"""Double precision."""


def read_series(
    settings: DataSettings,
    use: Use = SERIES,
    store: SeriesStore | None = None,
    option: SelectOption = DATA_SELECT,
) -> FieldSeries:
    """Read the configured variable as a series without gaps.

    Args:
        settings: Which field.
        use: Memory that its use takes.
        store: Where a large series is stored, to be read from there; None holds it in memory.
        option: How dimensions were selected, for errors.

    Raises:
        DataError: If the file is missing or unreadable, the variable is unknown, there is no time
            dimension, time does not increase, all cells are missing, a value is infinite, or there
            is too little memory or room in the store.
    """
    with open_field(settings, option) as source:
        stored = store.series(source, settings) if store is not None else None
        if stored is None:
            stored = _in_memory(source, settings, use)
        header = source.header
    return FieldSeries(
        values_TCHW=stored.values_THW[:, None],
        mask_HW=stored.mask_HW,
        time=header.frames.time_T,
        # Both are shown on terminals, and a file may say anything.
        units=printable(str(header.attrs.get("units", ""))),
        name=printable(header.name),
        filled_T=stored.filled_T,
        dims=header.dims,
        grid=header.grid,
        time_attrs=header.frames.attrs,
        attrs=dict(header.attrs),
        file_attrs=header.file_attrs,
    )


def _in_memory(source: FieldSource, settings: DataSettings, use: Use) -> FilledValues:
    values_THW = _values(source, use, np.float32)
    mask_HW = valid_cells(values_THW, settings.min_valid_share, source.header.name)
    filled_THW, filled_T = fill_in_time(values_THW, mask_HW)
    return FilledValues(filled_THW, mask_HW, filled_T.astype(np.float32))


@dataclass(frozen=True)
class RawField:
    """A variable as stored in its file, NaN where a value is missing.

    Attributes:
        values_THW: Physical values.
        time: Time that each frame holds for; frame numbers where the file has none. It increases,
            except in a forecast with several leads or members, which has several frames of a time.
        has_time: Whether the file has a time coordinate.
        dims: Names of the time, y and x dimensions.
        grid: Coordinates that do not depend on time.
        array: The variable with its attributes and no frame.
        file_attrs: Attributes of the file.
        time_attrs: Attributes of the time coordinate, among them the units of numeric time.
        lead_T: How far ahead each frame was forecast; None where the file does not say.
        member_T: Member of the ensemble of each frame; None where there are not several.
    """

    values_THW: npt.NDArray[np.floating]
    time: npt.NDArray[Any]
    has_time: bool
    dims: tuple[str, str, str]
    grid: xr.Dataset
    array: xr.DataArray
    file_attrs: dict[str, Any]
    time_attrs: dict[str, Any] = field(default_factory=dict)
    lead_T: npt.NDArray[np.timedelta64] | None = None
    member_T: tuple[str, ...] | None = None


def read_raw(
    settings: DataSettings,
    use: Use = RAW,
    dtype: npt.DTypeLike = np.float64,
    option: SelectOption = DATA_SELECT,
) -> RawField:
    """Read the configured variable with its gaps, one frame at each time.

    Args:
        settings: Which field.
        use: Memory that its use takes.
        dtype: Precision of the values, single or double.
        option: How dimensions were selected, for errors.

    Raises:
        DataError: As ``read_series``, but for cells that are all missing; if a number looks like an
            undeclared fill value, or hardly a value is in the range declared as valid.
    """
    return _read(settings, use, dtype, option, every_frame=False)


def read_forecast(settings: DataSettings, option: SelectOption, use: Use = RAW) -> RawField:
    """Read a forecast: frames of all its reference times, leads and members, in double precision.

    Args:
        settings: Which field.
        option: How dimensions were selected, for errors.
        use: Memory that its use takes.

    Raises:
        DataError: As ``read_raw``, but for several leads and members.
    """
    return _read(settings, use, np.float64, option, every_frame=True)


def _read(
    settings: DataSettings,
    use: Use,
    dtype: npt.DTypeLike,
    option: SelectOption,
    *,
    every_frame: bool,
) -> RawField:
    with open_field(settings, option, every_frame=every_frame) as source:
        values_THW, header = _values(source, use, dtype), source.header
    return RawField(
        values_THW=values_THW,
        time=header.frames.time_T,
        has_time=header.frames.has_time,
        dims=header.dims,
        grid=header.grid,
        array=xr.DataArray(
            np.empty((0, *header.shape[1:]), header.dtype),
            dims=header.dims,
            name=header.name,
            attrs=header.attrs,
        ),
        file_attrs=header.file_attrs,
        time_attrs=header.frames.attrs,
        lead_T=header.frames.lead_T,
        member_T=header.frames.member_T,
    )


def _values(source: FieldSource, use: Use, dtype: npt.DTypeLike) -> npt.NDArray[np.floating]:
    """Return all values of an opened field [T, H, W]."""
    source.require_memory(use, dtype)
    return all_values(source, dtype)
