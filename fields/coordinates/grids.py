"""The coordinates that say where the cells of a grid are, and which of two grids mean the same.

Dimensions are paired by role (rows with rows), coordinates by name, by being latitude or longitude,
and last by role; never by their position in a file.

Shape legend: H rows (y), W columns (x).
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

GEOGRAPHIC_NAME = re.compile("lat|lon", re.IGNORECASE)
LONGITUDE_NAME = re.compile("lon", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Coordinate:
    """Values along the axes "y", "x" or "yx", rows first."""

    name: str
    values: npt.NDArray[np.float64]
    axes: str
    is_dimension: bool
    units: str
    is_longitude: bool

    def over(self, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Return the values over a whole grid, HW."""
        values = self.values[:, None] if self.axes == "y" else self.values
        return np.broadcast_to(values, shape)


@dataclass(frozen=True)
class Grid:
    """The cells of a field.

    Attributes:
        coordinates: That do not depend on time.
        y: Name of the dimension of rows.
        x: Name of the dimension of columns.
        shape: Number of rows and of columns.
    """

    coordinates: xr.Dataset
    y: str
    x: str
    shape: tuple[int, int]

    def transposed(self) -> "Grid":
        """Return the grid with rows and columns exchanged."""
        return Grid(self.coordinates, self.x, self.y, (self.shape[1], self.shape[0]))

    def curved(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the coordinates HW of a curved grid, by name."""
        return {c.name: c.values for c in grid_coordinates(self) if c.axes == "yx"}


CoordinatePair = tuple[Coordinate, Coordinate]


def coordinate_pairs(ours: Grid, theirs: Grid) -> list[CoordinatePair]:
    """Return the coordinates of both grids that mean the same."""
    left_ours, left_theirs = grid_coordinates(ours), grid_coordinates(theirs)
    found: list[CoordinatePair] = []
    for key_of in (_by_name, _by_kind, _by_role):
        if not (left_ours and left_theirs):
            break
        keys = key_of(theirs, left_theirs)
        for key, a in list(key_of(ours, left_ours).items()):
            if key in keys:
                found.append((a, keys[key]))
                left_ours.remove(a)
                left_theirs.remove(keys[key])
    return found


def _by_name(_: Grid, coordinates: list[Coordinate]) -> dict[str, Coordinate]:
    return {coordinate.name: coordinate for coordinate in coordinates}


def _by_kind(grid: Grid, coordinates: list[Coordinate]) -> dict[str, Coordinate]:
    """Return latitude and longitude, by the CF attributes and usual names that cf_xarray knows."""
    import cf_xarray  # noqa: F401  # registers the accessor

    by_name = _by_name(grid, coordinates)
    chosen = grid.coordinates[list(by_name)]
    named = chosen.cf.coordinates
    guessed = chosen.cf.guess_coord_axis().cf.coordinates
    found: dict[str, Coordinate] = {}
    for kind in ("latitude", "longitude"):
        names = named.get(kind) or guessed.get(kind) or []
        if len(names) == 1:
            found[kind] = by_name[str(names[0])]
    return found


def _by_role(_: Grid, coordinates: list[Coordinate]) -> dict[str, Coordinate]:
    return {coordinate.axes: coordinate for coordinate in coordinates if coordinate.is_dimension}


def grid_coordinates(grid: Grid) -> list[Coordinate]:
    """Return the numeric coordinates that say where cells are.

    These are the coordinates of dimensions and those that are latitudes or longitudes; where there
    is none, all others of real numbers: a grid may name its own as it likes.
    """
    found = [
        coordinate
        for name, variable in grid.coordinates.coords.items()
        if (coordinate := _coordinate(str(name), variable, grid)) is not None
    ]
    horizontal = [c for c in found if c.is_dimension or _is_geographic(grid, c)]
    return horizontal or [c for c in found if grid.coordinates[c.name].dtype.kind == "f"]


def _is_geographic(grid: Grid, coordinate: Coordinate) -> bool:
    attrs = grid.coordinates[coordinate.name].attrs
    return bool(
        GEOGRAPHIC_NAME.search(coordinate.name)
        or GEOGRAPHIC_NAME.search(str(attrs.get("standard_name", "")))
        or coordinate.units.startswith("degree")
    )


def _coordinate(name: str, variable: xr.DataArray, grid: Grid) -> Coordinate | None:
    roles = {grid.y: "y", grid.x: "x"}
    dims = [dim for dim in (grid.y, grid.x) if dim in variable.dims]
    if variable.dtype.kind not in "iuf" or not dims or set(variable.dims) - set(dims):
        return None
    attrs: dict[Any, Any] = variable.attrs
    units, standard = str(attrs.get("units", "")), str(attrs.get("standard_name", ""))
    return Coordinate(
        name=name,
        values=np.asarray(variable.transpose(*dims).values, dtype=np.float64),
        axes="".join(roles[dim] for dim in dims),
        is_dimension=variable.dims == (name,),
        units=units,
        is_longitude=bool(
            LONGITUDE_NAME.search(standard or name) or units.lower().startswith("degrees_e")
        ),
    )
