"""What the cells of a grid measure: their share in means over the area, and their spacing in km.

Shape legend: H rows (y), W columns (x).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.coordinates.units import InconvertibleUnitsError, unit_conversion
from fieldsharp.fields.settings import GridMeasures

Array = npt.NDArray[np.float64]
Angle = Literal["latitude", "longitude"]
EARTH_RADIUS_KM = 6371.0
ROTATED: dict[Angle, str] = {"latitude": "grid_latitude", "longitude": "grid_longitude"}
ROTATED_NAMES: dict[Angle, str] = {"latitude": "rlat", "longitude": "rlon"}
"""Of coordinates of a rotated pole, where a file gives no standard names."""
BEYOND_THE_POLE = 1e-3
"""Degrees by which rounding may put a latitude beyond 90."""


@dataclass(frozen=True, eq=False)
class GridGeometry:
    """What the cells of one grid measure.

    Attributes:
        weights_HW: Share of each cell in a mean over the area, in proportion to the cosine of its
            latitude and of any sum, NaN where the latitude is not known; None where all cells
            count the same.
        spacing_km_HW: Distance from each cell to the next in km, along x and along y, NaN where it
            is not known; None where gradients are per cell.
        notes: What was asked for and is done, a sentence each.
    """

    weights_HW: Array | None = None
    spacing_km_HW: tuple[Array, Array] | None = None
    notes: tuple[str, ...] = ()


def grid_geometry(
    grid: xr.Dataset,
    dims: tuple[str, str, str],
    mask_HW: npt.NDArray[np.bool_],
    measures: GridMeasures,
) -> GridGeometry | None:
    """Return what the cells of a grid measure; None where nothing of it is asked for.

    Weights are the cosine of the latitude: of a 1-D coordinate, geographic or of a rotated pole,
    or of a 2-D geographic one. A projected grid has cells of about equal area and no weights, as
    has one without latitudes.

    Distances are R cos(lat) dlon and R dlat with R = 6371 km on grids of 1-D latitude and
    longitude (also of a rotated pole), differences of the coordinates on projected grids, and
    great circles between neighbouring cells (haversine formula) on curvilinear grids, whose rows
    and columns are taken to be at right angles. Inside the grid that of a cell is the mean of the
    distances to its neighbours on both sides.

    Args:
        grid: Coordinates that do not depend on time, with their attributes.
        dims: Names of the time, y and x dimensions.
        mask_HW: Cells that count in any frame.
        measures: What is asked for.

    Raises:
        ConfigError: If gradients per km are asked for on a grid without real distances.
        DataError: If a cell that counts has no valid latitude or no distance to its neighbours.
    """
    if measures == GridMeasures():
        return None
    coordinates = _Coordinates(grid, dims)
    weights_HW, spacing_km_HW, notes = None, None, []
    if measures.area_weights == "auto":
        weights_HW, note = _weights(coordinates, mask_HW)
        notes.append(note)
    if measures.per == "km":
        spacing_km_HW, note = _spacing_km(coordinates)
        _require_distances(spacing_km_HW, mask_HW, note)
        notes.append(f"gradients are per km, by {note}")
    return GridGeometry(weights_HW, spacing_km_HW, tuple(notes))


def cell_angles(grid: xr.Dataset, dims: tuple[str, str, str]) -> tuple[Array, Array] | None:
    """Return geographic latitude and longitude of each cell [H, W] in degrees; None without."""
    coordinates = _Coordinates(grid, dims)
    for ndim in (1, 2):
        latitude = coordinates.angle("latitude", ndim, of_a_rotated_pole=False)
        longitude = coordinates.angle("longitude", ndim, of_a_rotated_pole=False)
        if latitude is not None and longitude is not None:
            return coordinates.full(latitude), coordinates.full(longitude)
    return None


class _Coordinates:
    """The coordinates of a grid, recognised by their attributes, else by their names."""

    def __init__(self, grid: xr.Dataset, dims: tuple[str, str, str]) -> None:
        import cf_xarray  # noqa: F401  # here: with its units it takes a second to import

        self.grid = grid
        self.y, self.x = dims[1:]
        self._guessed = grid.cf.guess_coord_axis()

    def angle(
        self, which: Angle, ndim: int, *, of_a_rotated_pole: bool = True
    ) -> xr.DataArray | None:
        """Return the latitude or longitude with so many dimensions, in degrees; None without.

        That of a rotated pole is taken before others, where it may be.
        """
        rotated = self._of_a_rotated_pole(which) if of_a_rotated_pole and ndim == 1 else []
        for name in [*rotated, *self._geographic(which)]:
            degrees = _converted(self.grid[name], "degree")
            if degrees is not None and degrees.ndim == ndim:
                return degrees
        return None

    def length(self, dim: str) -> xr.DataArray | None:
        """Return the projected coordinate of a dimension in km; None if it is no length."""
        if dim not in self.grid.coords or self.grid[dim].dims != (dim,):
            return None
        return _converted(self.grid[dim], "km")

    def full(self, coordinate: xr.DataArray) -> Array:
        """Return a coordinate at every cell [H, W]."""
        shape = xr.DataArray(
            np.zeros((self.grid.sizes[self.y], self.grid.sizes[self.x])), dims=(self.y, self.x)
        )
        values, _ = xr.broadcast(coordinate.drop_vars(list(coordinate.coords)), shape)
        return np.asarray(values.transpose(self.y, self.x).values, dtype=np.float64)

    def _of_a_rotated_pole(self, which: Angle) -> Iterator[str]:
        """Yield the names of coordinates along which the cells of a rotated grid lie."""
        yield from self.grid.cf.standard_names.get(ROTATED[which], [])
        if ROTATED_NAMES[which] in self.grid.coords:
            yield ROTATED_NAMES[which]

    def _geographic(self, which: Angle) -> Iterator[str]:
        for dataset in (self.grid, self._guessed):
            yield from dataset.cf.coordinates.get(which, [])


def _converted(coordinate: xr.DataArray, to: Literal["degree", "km"]) -> xr.DataArray | None:
    """Return a coordinate in degrees or km; None if it is neither.

    One without units that is known to be an angle is in degrees.
    """
    if not np.issubdtype(coordinate.dtype, np.number):
        return None
    text = str(coordinate.attrs.get("units", "")).strip()
    values = coordinate.astype(np.float64)
    if not text:
        return values if to == "degree" else None
    try:
        conversion = unit_conversion(text, to)
    except InconvertibleUnitsError:
        return None
    return values if conversion is None else values.copy(data=conversion(values.values))


def _weights(coordinates: _Coordinates, mask_HW: npt.NDArray[np.bool_]) -> tuple[Array | None, str]:
    """Return the shares of the cells, None where all count the same, and a sentence on it."""
    latitude = coordinates.angle("latitude", 1)
    if latitude is None and coordinates.length(coordinates.y) is not None:
        return None, "all cells count the same: the grid is projected"
    if latitude is None:
        latitude = coordinates.angle("latitude", 2)
    if latitude is None:
        return None, "all cells count the same: the grid has no latitudes"
    degrees_HW = coordinates.full(latitude)
    # Where no cell counts, a file may hold a fill value.
    wrong = mask_HW & ~(np.abs(degrees_HW) <= 90.0 + BEYOND_THE_POLE)
    if wrong.any():
        raise DataError(
            f"the latitude {str(latitude.name)!r} is {degrees_HW[wrong][0]:g} degrees in "
            f"{int(wrong.sum())} cells with values, and cells are to be weighted by it; correct "
            "the coordinate, or set objective.area_weights to none (--area-weights none)"
        )
    weights_HW = np.cos(np.radians(np.clip(degrees_HW, -90.0, 90.0)))
    return np.where(mask_HW, weights_HW, np.nan), (
        "errors, means, skill and correlations weigh each cell by the cosine of its latitude "
        f"({latitude.name})"
    )


def _spacing_km(coordinates: _Coordinates) -> tuple[tuple[Array, Array], str]:
    """Return the distances along x and y, and what they were computed from."""
    for ndim in (1, 2):
        latitude = coordinates.angle("latitude", ndim)
        longitude = coordinates.angle("longitude", ndim)
        if latitude is not None and longitude is not None:
            names = f"{latitude.name} and {longitude.name}"
            angles = coordinates.full(latitude), coordinates.full(longitude)
            if ndim == 2:
                return _great_circles(*angles), f"great circles between cells of {names}"
            if latitude.dims != longitude.dims:
                return _along_parallels(*angles), f"distances on the sphere from {names}"
        x_W, y_H = coordinates.length(coordinates.x), coordinates.length(coordinates.y)
        if x_W is not None and y_H is not None:
            across = _at_cells(np.abs(np.diff(coordinates.full(x_W), axis=1)), 1)
            down = _at_cells(np.abs(np.diff(coordinates.full(y_H), axis=0)), 0)
            return (across, down), f"differences of the projected {x_W.name} and {y_H.name}"
    found = ", ".join(map(repr, coordinates.grid.coords)) or "none"
    raise ConfigError(
        "gradients per km need real distances, and the grid has neither latitude and longitude in "
        f"degrees nor projected coordinates with units of length (coordinates found: {found}); "
        "set objective.per to cell (--per cell), or add units to the coordinates of the file"
    )


def _along_parallels(latitude_HW: Array, longitude_HW: Array) -> tuple[Array, Array]:
    """Return the distances along x and y on a grid of 1-D latitude and longitude.

    Along the axis of longitudes R cos(lat) dlon, along that of latitudes R dlat.
    """
    lengths = []
    for axis in (1, 0):
        north = np.abs(np.diff(latitude_HW, axis=axis))
        east = np.abs((np.diff(longitude_HW, axis=axis) + 180.0) % 360.0 - 180.0)
        parallel_HW = np.cos(np.radians(latitude_HW)) * _at_cells(east, axis)
        degrees_HW = parallel_HW + _at_cells(north, axis)  # one of them is 0 along either axis
        lengths.append(EARTH_RADIUS_KM * np.radians(degrees_HW))
    return lengths[0], lengths[1]


def _great_circles(latitude_HW: Array, longitude_HW: Array) -> tuple[Array, Array]:
    """Return the distances along x and y between neighbouring cells of a curvilinear grid."""
    phi, lam = np.radians(latitude_HW), np.radians(longitude_HW)
    lengths = []
    for axis in (1, 0):
        first, second = _pair(phi, axis)
        haversine = (
            np.sin((second - first) / 2.0) ** 2
            + np.cos(first) * np.cos(second) * np.sin(np.diff(lam, axis=axis) / 2.0) ** 2
        )
        angle = 2.0 * np.arcsin(np.sqrt(np.clip(haversine, 0.0, 1.0)))
        lengths.append(EARTH_RADIUS_KM * _at_cells(angle, axis))
    return lengths[0], lengths[1]


def _pair(values_HW: Array, axis: int) -> tuple[Array, Array]:
    """Return the first and the second of all neighbours along an axis."""
    count = values_HW.shape[axis]
    cells = np.arange(count)
    return values_HW.take(cells[:-1], axis=axis), values_HW.take(cells[1:], axis=axis)


def _at_cells(between: Array, axis: int) -> Array:
    """Return distances between neighbours as one of each cell: the mean of both sides.

    At the edge of the grid that of the one side; NaN on a grid of a single cell along the axis.
    """
    if between.shape[axis] == 0:
        shape = [count + (along == axis) for along, count in enumerate(between.shape)]
        return np.full(shape, np.nan)
    edges = [(1, 1) if along == axis else (0, 0) for along in range(2)]
    before, after = _pair(np.pad(between, edges, mode="edge"), axis)
    return (before + after) / 2.0


def _require_distances(
    spacing_km_HW: tuple[Array, Array], mask_HW: npt.NDArray[np.bool_], note: str
) -> None:
    """Check that every cell at which a gradient is taken has a distance along both axes.

    Raises:
        DataError: If one has not.
    """
    rows = mask_HW[:-2] & mask_HW[1:-1] & mask_HW[2:]
    inside = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    for axis, length_HW in zip(("x", "y"), spacing_km_HW, strict=True):
        length = length_HW[1:-1, 1:-1][inside]
        wrong = ~(length > 1e-6) | ~np.isfinite(length)
        if wrong.any():
            raise DataError(
                f"{int(wrong.sum())} cells have a distance of {length[wrong][0]:g} km to their "
                f"neighbours along {axis} ({note}), so their gradient per km is not known; leave "
                "out those rows or columns, or set objective.per to cell (--per cell)"
            )
