"""A file of a field that is in several: whether it goes with the others, and what joins it to them.

Shape legend: T frames.
"""

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable
from fieldsharp.fields.coordinates.calendars import kind_of_time, require_same_calendar
from fieldsharp.fields.coordinates.grid_matching import CellOrder, match_grids
from fieldsharp.fields.coordinates.grids import Grid
from fieldsharp.fields.coordinates.roles import OF_TIME, role_by_attributes, role_by_name
from fieldsharp.fields.coordinates.selection import value_text
from fieldsharp.fields.coordinates.units import (
    InconvertibleUnitsError,
    UnitConversion,
    is_difference,
    unit_conversion,
)
from fieldsharp.fields.coordinates.valid_times import require_same_kind_of_dates
from fieldsharp.fields.files.addresses import Location
from fieldsharp.fields.files.read_size import block_memory
from fieldsharp.fields.files.rewriting import copy_with
from fieldsharp.fields.forecast_attributes import is_forecast
from fieldsharp.fields.sources.expver import EXPVER, release_of_frames
from fieldsharp.fields.sources.field_source import FieldHeader
from fieldsharp.fields.sources.file_source import FileSource
from fieldsharp.fields.sources.timeline import FrameTimes

SAME_VALUE = 1e-6
"""Relative, of levels and other single values beside the grid."""
MOST_LISTED = 20
"""Files in a command."""
SINGLE_ROUNDING = 2.0**-22
"""Relative difference of values that are the same in single precision."""
Value = float | str
Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class FilePart:
    """A file of a joined field; nothing of it is open.

    Attributes:
        location: Of the file.
        times: Of its frames.
        order: Of its cells; None where they are in that of the first file.
        conversion: Of its units into those of the first file; None where they are the same.
        rounding: Largest error of a value by how it is packed, in the units of the first file.
        frames_at_a_time: That are read at a time.
        block_bytes: Memory that reading some takes.
    """

    location: Location
    times: FrameTimes
    order: CellOrder | None
    conversion: UnitConversion | None
    rounding: float
    frames_at_a_time: int
    block_bytes: int

    def unified(self, values_THW: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return values in the cells and units of the first file."""
        ordered_THW = values_THW if self.order is None else self.order(values_THW)
        found_THW = ordered_THW if self.conversion is None else self.conversion(ordered_THW)
        return np.asarray(found_THW, dtype=np.float64)


@dataclass(frozen=True)
class FirstFile:
    """The file that the others of a field are brought to.

    Attributes:
        location: Of the file.
        variable: Its name there, with its group.
        header: All of its field but the values.
        single: Coordinates of one value, such as a level, by name, each with the first file that
            has it: this one may lack it.
    """

    location: Location
    variable: str
    header: FieldHeader
    single: dict[str, tuple[Value, Location]]

    @classmethod
    def of(cls, source: FileSource) -> "FirstFile":
        """Return what others are compared with."""
        single = {name: (value, source.path) for name, value in _single_values(source).items()}
        return cls(source.path, source.variable, source.header, single)

    def part(self, source: FileSource, all_files: Sequence[Location]) -> FilePart:
        """Return a file as a part of the field.

        Args:
            source: The opened file, perhaps this one itself.
            all_files: For errors.

        Raises:
            DataError: If it does not go with the first file: if it has no times, another kind of
                time, calendar, grid or level, or units that cannot be converted, or if one of them
                is a forecast that was written here.
        """
        header = source.header
        if not header.frames.has_time:
            raise _without_times(source.path, all_files)
        self._require_no_mixture(source)
        self._require_same_times(source)
        self._require_same_level(source)
        conversion = self.conversion(source)
        frames = header.frames
        return FilePart(
            location=source.path,
            times=FrameTimes(
                frames.time_T,
                frames.lead_T,
                release_of_frames(source.dataset, source.dims[0], len(frames.time_T)),
            ),
            order=self.order(source),
            conversion=conversion,
            rounding=packing_error(source, conversion),
            frames_at_a_time=source.frames_at_a_time,
            block_bytes=block_memory(source.stored, source.array, source.dims),
        )

    def _require_no_mixture(self, source: FileSource) -> None:
        ours, theirs = (is_forecast(h.file_attrs) for h in (source.header, self.header))
        if ours != theirs:
            forecast, data = (source.path, self.location) if ours else (self.location, source.path)
            raise DataError(
                f"{forecast} is a forecast that predict wrote, and {data} is none: joined, they "
                "would be taken for one series of data; move it to another folder, or give "
                "data.path a pattern that it does not fit"
            )

    def _require_same_times(self, source: FileSource) -> None:
        ours, theirs = source.header.frames, self.header.frames
        kinds = kind_of_time(ours.time_T), kind_of_time(theirs.time_T)
        names = f"file {source.path}", f"file {self.location}"
        if kinds[0] != kinds[1]:
            raise DataError(
                f"the times of {names[0]} are {kinds[0]} and those of {names[1]} {kinds[1]}; give "
                "all files times of one kind, such as dates by CF units 'hours since 2000-01-01'"
            )
        if kinds[0] == "dates":
            require_same_calendar(ours.time_T, theirs.time_T, *names)
            require_same_kind_of_dates(ours.attrs, theirs.attrs, *names)
            return
        units = [str(frames.attrs.get("units", "")) for frames in (ours, theirs)]
        if units[0] != units[1] or (ours.time_T.dtype.kind == "m") != (
            theirs.time_T.dtype.kind == "m"
        ):
            raise DataError(
                f"the times of {names[0]} are numbers in {units[0]!r} and those of {names[1]} in "
                f"{units[1]!r}; give all files times in the same units"
            )

    def _require_same_level(self, source: FileSource) -> None:
        for name, value in _single_values(source).items():
            other, location = self.single.setdefault(name, (value, source.path))
            if isinstance(value, float) and isinstance(other, float):
                same = math.isclose(value, other, rel_tol=SAME_VALUE, abs_tol=1e-12)
            else:
                same = value == other
            if not same:
                raise DataError(
                    f"{source.path} is at {printable(name)}={value_text(value)} and "
                    f"{location} at {value_text(other)}, and files are joined along time "
                    "alone; leave one of them out of data.path"
                )

    def conversion(self, source: FileSource) -> UnitConversion | None:
        """Return the conversion of a file into the units of this one; None if they are the same.

        Raises:
            DataError: If it cannot be converted, or one alone states units.
        """
        attrs, of_first = source.header.attrs, self.header.attrs
        ours, theirs = (str(a.get("units") or "") for a in (attrs, of_first))
        if bool(ours) != bool(theirs):
            has, lacks = (source.path, self.location) if ours else (self.location, source.path)
            change = (
                f'd[{json.dumps(source.header.name)}].attrs["units"] = {json.dumps(ours or theirs)}'
            )
            advice = copy_with(source.array, change, "units") if not ours else ""
            raise DataError(
                f"{has} is in {ours or theirs!r} and {lacks} states no units; write the units "
                f"into it if they are the same{advice}"
            )
        try:
            difference = any(is_difference(a) for a in (attrs, of_first))
            return unit_conversion(ours, theirs, difference)
        except InconvertibleUnitsError as error:
            raise DataError(
                f"{source.path} is in {ours!r} and {self.location} in {theirs!r}, and {error}; "
                "give files of one quantity, with units written as in CF"
            ) from error

    def order(self, source: FileSource) -> CellOrder | None:
        """Return the order of the cells of a file as those of this one; None if it is the same.

        Raises:
            DataError: If it is on another grid.
        """
        ours, theirs = _grid(source.header), _grid(self.header)
        if _is_same(ours, theirs):
            return None
        names = f"file {source.path}", f"file {self.location}"
        order = match_grids(ours, theirs, *names)
        if order.by_position:
            raise DataError(
                f"of {names[0]} and {names[1]} one alone has coordinates of its cells, so that "
                "whether they are the same is not known; write the coordinates into both"
            )
        return None if order.is_same else order


def _grid(header: FieldHeader) -> Grid:
    _, y, x = header.dims
    return Grid(header.grid, y, x, header.shape[1:])


def _is_same(ours: Grid, theirs: Grid) -> bool:
    """Return whether two grids are equal to the last digit, as those of one writer are."""
    a, b = ours.coordinates.coords, theirs.coordinates.coords
    return (
        (ours.y, ours.x, ours.shape) == (theirs.y, theirs.x, theirs.shape)
        and a.keys() == b.keys()
        and all(
            a[name].dims == b[name].dims
            and a[name].attrs.get("units") == b[name].attrs.get("units")
            and np.array_equal(a[name].values, b[name].values)
            for name in a
        )
    )


def _single_values(source: FileSource) -> dict[str, Value]:
    """Return the coordinates of one value that the whole field is at, such as a level."""
    array = source.dataset[source.variable]
    found: dict[str, Value] = {}
    for key, coordinate in array.coords.items():
        name = str(key)
        if coordinate.size != 1 or name == EXPVER or set(coordinate.dims) & set(source.dims):
            continue
        if (role_by_attributes(array, name) or role_by_name(name)) in OF_TIME:
            continue
        if coordinate.dtype.kind in "iuf":
            found[name] = float(np.ravel(coordinate.values)[0])
        elif coordinate.dtype.kind in "US":
            found[name] = str(np.ravel(coordinate.values)[0])
    return found


def differing(values: Values, others: Values, rounding: float) -> npt.NDArray[np.bool_]:
    """Return where two files hold different values of the same cells.

    Args:
        values: Of one file, NaN where missing.
        others: Of the other.
        rounding: Errors of both by how they are packed.
    """
    size = np.maximum(np.abs(values), np.abs(others))
    near = np.abs(values - others) <= rounding * 1.001 + SINGLE_ROUNDING * size
    return ~(near | (np.isnan(values) & np.isnan(others)))


def packing_error(source: FileSource, conversion: UnitConversion | None) -> float:
    """Return half the step of packed integers, in the units of the first file; 0 of others."""
    stored = source.stored
    packing = stored.encoding
    dtype = np.dtype(packing.get("dtype") or stored.dtype)
    if dtype.kind not in "iu" or "scale_factor" not in packing:
        return 0.0
    half = abs(float(np.ravel(packing["scale_factor"])[0])) / 2
    if conversion is not None:
        ends = conversion(np.array([0.0, half]))
        half = float(abs(ends[1] - ends[0]))
    return half


def _without_times(path: Location, all_files: Sequence[Location]) -> DataError:
    if path.suffix.lower() == ".npy":
        code = (
            "import numpy, sys; numpy.save('joined.npy', numpy.concatenate([numpy.load(f) for f in "
            "sys.argv[1:]]))"
        )
    else:
        code = (
            "import xarray, sys; xarray.concat([xarray.open_dataset(f) for f in sys.argv[1:]], "
            "'time').to_netcdf('joined.nc', engine='h5netcdf')"
        )
    listed = shlex.join(map(str, all_files[:MOST_LISTED]))
    more = " and the others" if len(all_files) > MOST_LISTED else ""
    return DataError(
        f"{path} has no times, by which files are joined; if their order is that in which they are "
        f"given, join them into one with python -c {shlex.quote(code)} {listed}{more}"
    )
