"""A field in the cells and units of the truth: its grid and units are compared and converted.

Shape legend: T frames, H rows, W columns.
"""

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.grid_matching import CellOrder, match_grids, part_of
from fieldsharp.fields.coordinates.grids import Grid
from fieldsharp.fields.coordinates.units import (
    InconvertibleUnitsError,
    UnitConversion,
    is_difference,
    unit_conversion,
)
from fieldsharp.fields.reading import RawField


@dataclass(frozen=True)
class FieldMatch:
    """Takes values of a field in the cells and units of the truth.

    Attributes:
        order: Of the cells.
        conversion: Of the units; None where they are the same or not known.
        converted: A sentence if the values are converted.
    """

    order: CellOrder
    conversion: UnitConversion | None
    converted: tuple[str, ...]

    def __call__(self, values_THW: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return the values in the cells and units of the truth."""
        values_THW = self.order(values_THW)
        return values_THW if self.conversion is None else self.conversion(values_THW)


def match_field(
    field: RawField, observed: RawField, what: str, path: Path, truth: Path | None = None
) -> FieldMatch:
    """Compare the grid and units of a field with those of the truth.

    Args:
        field: A forecast, or the truth of training frames.
        observed: The truth.
        what: The field as errors call it.
        path: Its file, for errors.
        truth: File of the truth, for errors; None where its part is not advised.

    Raises:
        DataError: If grids or units do not match.
    """
    ours, theirs = _grid(field), _grid(observed)
    if ours.shape != theirs.shape:
        _advise_part(ours, theirs, what, path, truth)
    order = match_grids(ours, theirs, what)
    conversion = _conversion(field, observed, what)
    said = (f"the {what} was converted {conversion}",) if conversion else ()
    return FieldMatch(order, conversion, said)


def in_grid_and_units(
    training: RawField, path: Path, observed: RawField
) -> tuple[RawField, tuple[str, ...]]:
    """Return the truth of training frames with the cells and units of the truth.

    Args:
        training: The truth of training frames.
        path: Its file, for errors.
        observed: The truth.

    Returns:
        The field, and a sentence if it was converted.

    Raises:
        DataError: If grids or units do not match.
    """
    match = match_field(training, observed, "training truth", path)
    units = {"units": observed.array.attrs["units"]} if match.conversion else {}
    field = replace(
        training, values_THW=match(training.values_THW), array=training.array.assign_attrs(units)
    )
    if observed.grid.coords or match.order.is_transposed:
        field = replace(field, dims=(training.dims[0], *observed.dims[1:]), grid=observed.grid)
    return field, match.converted


def _grid(field: RawField) -> Grid:
    _, y, x = field.dims
    rows, columns = field.values_THW.shape[1:]
    return Grid(field.grid, y, x, (rows, columns))


def _advise_part(ours: Grid, theirs: Grid, what: str, path: Path, truth: Path | None) -> None:
    """Refuse a field whose grid is a part of the other's with the command that cuts the other."""
    cut = {"truth": part_of(ours, theirs) if truth else None, what: part_of(theirs, ours)}
    for name, part in cut.items():
        if part is None:
            continue
        whole, other = (truth, what) if name == "truth" else (path, "truth")
        assert whole is not None
        slices = ", ".join(f"{dim}=slice({s.start}, {s.stop})" for dim, s in part.items())
        to = whole.with_name(f"{whole.stem}-part.nc")
        code = (
            f"import xarray as xr; xr.open_dataset({json.dumps(str(whole))}, decode_cf=False)"
            f".isel({slices}).to_netcdf({json.dumps(str(to))})"
        )
        raise DataError(
            f"the {what} has a grid of {ours.shape[0]} x {ours.shape[1]} cells and the truth "
            f"{theirs.shape[0]} x {theirs.shape[1]}, of which that of the {other} is a part; cut "
            f"the {name} with  python -c {shlex.quote(code)}  and give {to}"
        )


def _conversion(field: RawField, observed: RawField, what: str) -> UnitConversion | None:
    ours, theirs = (str(f.array.attrs.get("units") or "") for f in (field, observed))
    if not (ours and theirs):
        return None
    difference = any(is_difference(f.array.attrs) for f in (field, observed))
    try:
        return unit_conversion(ours, theirs, difference)
    except InconvertibleUnitsError as error:
        raise DataError(
            f"the {what} is in {ours!r} and the truth in {theirs!r}, and {error}; compare files of "
            "one quantity, with units written as in CF"
        ) from error
