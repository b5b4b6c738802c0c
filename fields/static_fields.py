"""A field that does not change in time, such as orography or a land mask.

Shape legend: H rows (y), W columns (x).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable
from fieldsharp.fields.coordinates.dimensions import field_dims
from fieldsharp.fields.coordinates.roles import TIME_NAMES
from fieldsharp.fields.coordinates.selection import DATA_SELECT, NotThereError
from fieldsharp.fields.files.addresses import Location
from fieldsharp.fields.files.contents import UnknownVariableError
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.files.formats import open_dataset, pick_variable, without_known_warnings
from fieldsharp.fields.settings import SELECTED, DataSettings
from fieldsharp.fields.sources.field_source import all_values
from fieldsharp.fields.sources.file_parts import FirstFile, differing, packing_error
from fieldsharp.fields.sources.file_source import FileSource


@dataclass(frozen=True)
class StaticField:
    """A variable without time.

    Attributes:
        values_HW: Physical values, NaN where one is missing.
        dims: Names of the y and x dimensions.
        grid: Coordinates of the cells.
        units: As the file states them, "" where it does not.
        name: Of the variable, without its group.
        attrs: Of the variable.
    """

    values_HW: npt.NDArray[np.float32]
    dims: tuple[str, str]
    grid: xr.Dataset
    units: str
    name: str
    attrs: dict[str, Any] = field(default_factory=dict)


@without_known_warnings()
def read_static(settings: DataSettings, name: str) -> StaticField:
    """Read a variable without time, or of a single time, from the data files.

    Args:
        settings: Which files, what is selected and which numbers are missing.
        name: Of the variable, with its group where it is in one.

    Raises:
        DataError: If no file holds it, it changes in time, it is not the same in all files that
            hold it, or it cannot be read as a field can.
    """
    found: StaticField | None = None
    first: FirstFile | None = None
    not_there: DataError | None = None
    rounding = 0.0
    held: set[str] = set()
    own = {part.partition("=")[0] for part in name.split(SELECTED)[1:]}
    settings = settings.of(name)
    assert settings.variable is not None, "it is named"
    name = settings.variable
    for location in DataFiles.of(settings.path).locations():
        try:
            with open_dataset(location, name) as dataset:
                source = _source(dataset, location, settings, own)
                other = _read(source)
                if found is None or first is None:
                    found, first = other, FirstFile.of(source)
                    rounding = packing_error(source, None)
                else:
                    _require_same(found, first, other, source, rounding)
        except UnknownVariableError as error:
            held.update(error.names)
        except NotThereError as error:  # a file for each level
            not_there = not_there or DataError(f"{error} (in {location})")
    if found is None and not_there is not None:
        raise not_there
    if found is None:
        raise UnknownVariableError(name, sorted(held), DataFiles.of(settings.path))
    return found


def _source(
    dataset: xr.Dataset, location: Location, settings: DataSettings, own: Collection[str]
) -> FileSource:
    """Return the variable as a field of one frame.

    What is selected of all variables is selected of those alone that have the dimension.

    Args:
        dataset: The opened file.
        location: Of the file.
        settings: Of the variable alone.
        own: Dimensions of which a value is chosen in its name.

    Raises:
        DataError: If it has several.
    """
    name = pick_variable(dataset, settings.variable, str(location))
    array = dataset[name]
    selected = {d: value for d, value in settings.select.items() if d in array.dims or d in own}
    settings = settings.model_copy(update={"select": selected})
    if array.dtype == np.bool_:  # as xarray writes masks
        array = array.astype(np.int8)
        dataset = dataset.assign({name: array})
    if not _has_time(array, settings):
        time = next(one for one in TIME_NAMES if one not in dataset.dims)
        dataset = dataset.assign({name: array.expand_dims(time)})
        dataset[name].encoding = array.encoding
    source = FileSource.of(dataset, location, settings, DATA_SELECT, every_frame=False)
    frames = source.array.sizes[source.dims[0]]
    if frames != 1:
        raise DataError(
            f"variable {printable(name)!r} in {location} has {frames} frames, and a static field "
            "has one; give it as one of data.inputs"
        )
    return source


def _has_time(array: xr.DataArray, settings: DataSettings) -> bool:
    try:
        field_dims(array, settings.select)
    except DataError as error:
        if "no time dimension" in str(error):
            return False
        raise
    return True


def _read(source: FileSource) -> StaticField:
    source.require_memory_for_blocks()
    header = source.header
    return StaticField(
        values_HW=np.asarray(all_values(source, np.float32)[0], np.float32),
        dims=header.dims[1:],
        grid=header.grid,
        units=printable(str(header.attrs.get("units", ""))),
        name=header.name,
        attrs=header.attrs,
    )


def _require_same(
    found: StaticField, first: FirstFile, other: StaticField, source: FileSource, rounding: float
) -> None:
    order, conversion = first.order(source), first.conversion(source)
    values_THW = other.values_HW[None]
    if order is not None:
        values_THW = np.asarray(order(values_THW), dtype=np.float32)
    if conversion is not None:
        values_THW = np.asarray(conversion(values_THW), dtype=np.float32)
    rounding += packing_error(source, conversion)
    differ = int(differing(found.values_HW, values_THW[0], rounding).sum())
    if differ:
        raise DataError(
            f"{first.location} and {source.path} hold different values of {other.name!r} in "
            f"{differ} of {other.values_HW.size} cells, and a static field is the same in all "
            "files; leave one of them out of data.path, or give it as one of data.inputs"
        )
