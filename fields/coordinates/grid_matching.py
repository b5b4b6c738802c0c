"""In which order the cells of one grid are those of another, by the values of coordinates.

Shape legend: T frames, H rows (y), W columns (x).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.grids import (
    Coordinate,
    CoordinatePair,
    Grid,
    coordinate_pairs,
    grid_coordinates,
)
from fieldsharp.fields.coordinates.matching import (
    FULL_CIRCLE,
    first_different,
    matching_order,
    nearest_neighbour,
    same_coordinate,
)
from fieldsharp.fields.coordinates.units import (
    InconvertibleUnitsError,
    UnknownUnitError,
    unit_conversion,
)

Order = npt.NDArray[np.intp]


@dataclass(frozen=True)
class CellOrder:
    """Takes the cells of one grid in the order of another.

    Attributes:
        is_transposed: Whether rows and columns are exchanged first.
        rows_H: Row for each row of the other grid.
        columns_W: Column for each column of the other grid.
        by_position: A sentence for each axis on which one grid alone has coordinates.
    """

    is_transposed: bool
    rows_H: Order
    columns_W: Order
    by_position: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether the cells are in one order already."""
        orders = (self.rows_H, self.columns_W)
        return not self.is_transposed and all(_is_as_is(order) for order in orders)

    def __call__(self, values_THW: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return the values in the order of the other grid, as a copy only where it differs."""
        if self.is_transposed:
            values_THW = values_THW.swapaxes(1, 2)
        for axis, order in ((1, self.rows_H), (2, self.columns_W)):
            if not _is_as_is(order):
                values_THW = np.take(values_THW, order, axis=axis)
        return values_THW


def _is_as_is(order: Order) -> bool:
    return bool(np.array_equal(order, np.arange(len(order))))


def match_grids(
    ours: Grid, theirs: Grid, what: str = "forecast", other: str = "truth"
) -> CellOrder:
    """Return the order in which our cells are theirs.

    Along an axis with its own coordinate any order is found; a curved grid may be turned about.

    Args:
        ours: Grid of the forecast.
        theirs: Grid of the truth.
        what: The forecast as errors call it.
        other: The truth as errors call it.

    Raises:
        DataError: If the grids differ.
    """
    is_transposed = ours.y != ours.x and (ours.y, ours.x) == (theirs.x, theirs.y)
    if is_transposed:
        ours = ours.transposed()
    if ours.shape != theirs.shape:
        raise DataError(
            f"the {what} has a grid of {ours.shape[0]} x {ours.shape[1]} cells and the {other} "
            f"{theirs.shape[0]} x {theirs.shape[1]}; bring them to one grid"
        )
    pairs = [_in_their_units(pair, what, other) for pair in coordinate_pairs(ours, theirs)]
    names = f"{what} and {other}"
    straight = [pair for pair in pairs if pair[0].axes == pair[1].axes != "yx"]
    curved = [pair for pair in pairs if pair not in straight]
    rows, columns = (
        _orders(axis, size, straight, bool(curved), names)
        for axis, size in zip("yx", theirs.shape, strict=True)
    )
    of_truth = [(b.over(theirs.shape), _period(a, b)) for a, b in curved]
    spacing_HW = nearest_neighbour(of_truth) if curved else np.zeros(0)
    differing = None
    for rows_H, columns_W in product(rows, columns):
        cells = np.ix_(rows_H, columns_W)
        compared = [
            (a.over(ours.shape)[cells], b.over(theirs.shape), _period(a, b)) for a, b in curved
        ]
        found = first_different(compared, spacing_HW) if compared else None
        if found is None:
            said = tuple(_by_position(ours, theirs, pairs, what, other))
            return CellOrder(is_transposed, rows_H, columns_W, said)
        differing = curved[found] if differing is None else differing
    assert differing is not None, "there is at least one order, and it was refused"
    raise _differ(differing, names)


def part_of(smaller: Grid, larger: Grid) -> dict[str, slice] | None:
    """Return where in a larger grid the cells of a smaller one are, by dimension of the larger.

    None if they are not all in it, are not next to each other, or a grid lacks 1-D coordinates.
    """
    found: dict[str, slice] = {}
    pairs = [
        pair for pair in coordinate_pairs(smaller, larger) if pair[0].axes == pair[1].axes != "yx"
    ]
    for axis, dim in (("y", larger.y), ("x", larger.x)):
        of_axis = [pair for pair in pairs if pair[0].axes == axis]
        if not of_axis:
            return None
        a, b = of_axis[0]
        period, count = _period(a, b), len(a.values)
        for first in range(len(b.values) - count + 1):
            part = slice(first, first + count)
            if matching_order(a.values, b.values[part], period) is not None:
                found[dim] = part
                break
        else:
            return None
    return found


def _orders(
    axis: str, size: int, straight: list[CoordinatePair], has_curved: bool, names: str
) -> list[Order]:
    """Return the orders along an axis that its own coordinates leave open."""
    of_axis = [pair for pair in straight if pair[0].axes == axis]
    if not of_axis:
        as_is = np.arange(size)
        return [as_is, as_is[::-1]] if has_curved else [as_is]
    order = matching_order(of_axis[0][0].values, of_axis[0][1].values, _period(*of_axis[0]))
    if order is None:
        raise _differ(of_axis[0], names)
    for a, b in of_axis[1:]:
        if not same_coordinate(a.values[order], b.values, _period(a, b)):
            raise _differ((a, b), names)
    return [order]


def _differ(pair: CoordinatePair, names: str) -> DataError:
    a, b = (coordinate.values.ravel() for coordinate in pair)
    return DataError(
        f"{names} differ in their coordinate {pair[1].name!r}: it runs from {a[0]:g} to "
        f"{a[-1]:g} and from {b[0]:g} to {b[-1]:g}; bring them to one grid"
    )


def _by_position(
    ours: Grid, theirs: Grid, pairs: list[CoordinatePair], what: str, other: str
) -> Iterator[str]:
    """Say for each axis without a common coordinate that its cells were taken as they stand."""
    for axis, name in (("y", "rows"), ("x", "columns")):
        if any(axis in a.axes and axis in b.axes for a, b in pairs):
            continue
        have = [
            any(axis in coordinate.axes for coordinate in grid_coordinates(grid))
            for grid in (ours, theirs)
        ]
        if all(have):
            raise DataError(
                f"the coordinates along the {name} of {what} and {other} cannot be told to be the "
                "same, by name or as latitude and longitude; name them alike in both files"
            )
        if any(have):
            yield (
                f"the {name} of the {what} were taken for those of the {other} by their position: "
                "one file alone has a coordinate along them"
            )


def _period(a: Coordinate, b: Coordinate) -> float | None:
    if not (a.is_longitude or b.is_longitude):
        return None
    return None if b.units.startswith("rad") else FULL_CIRCLE


def _in_their_units(pair: CoordinatePair, what: str, other: str) -> CoordinatePair:
    ours, theirs = pair
    if not (ours.units and theirs.units) or ours.units == theirs.units:
        return pair
    try:
        conversion = unit_conversion(ours.units, theirs.units)
    except UnknownUnitError:  # the values alone can be compared
        return pair
    except InconvertibleUnitsError as error:
        raise DataError(
            f"the coordinate {ours.name!r} of the {what} is in {ours.units!r} and {theirs.name!r} "
            f"of the {other} in {theirs.units!r}, and {error}; bring them to one grid"
        ) from error
    if conversion is None:
        return pair
    values = conversion(ours.values).astype(np.float64)
    return (
        Coordinate(
            ours.name, values, ours.axes, ours.is_dimension, theirs.units, ours.is_longitude
        ),
        theirs,
    )
