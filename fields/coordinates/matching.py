"""Whether two coordinates are the same, up to the rounding of files, and in which order.

Two values are the same within the larger of a thousandth of the spacing at that place and four
units of single precision, but never beyond a quarter of the spacing.

Shape legend: H rows, W columns, N values along one axis, K coordinates of a cell.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SHARE_OF_SPACING = 1e-3
SINGLE_UNITS = 4
LARGEST_SHARE_OF_SPACING = 0.25
"""So that a shift by a whole cell is seen where single precision cannot tell cells apart."""
FULL_CIRCLE = 360.0
"""Period of a longitude, in degrees."""

Values = npt.NDArray[np.float64]


def same_coordinate(
    ours: npt.ArrayLike, theirs: npt.ArrayLike, period: float | None = None
) -> bool:
    """Return whether two coordinates along an axis agree value by value.

    Args:
        ours: Values, length N.
        theirs: Values, length N.
        period: After which values repeat, 360 for a longitude.
    """
    ours_N, theirs_N = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if ours_N.shape != theirs_N.shape:
        return False
    if np.array_equal(ours_N, theirs_N, equal_nan=True):
        return True
    if not (np.isfinite(ours_N).all() and np.isfinite(theirs_N).all()):
        return False
    tolerance_N = _tolerance(ours_N, theirs_N, _spacing(theirs_N, period))
    return bool((np.abs(_difference(ours_N, theirs_N, period)) <= tolerance_N).all())


def matching_order(
    ours: npt.ArrayLike, theirs: npt.ArrayLike, period: float | None = None
) -> npt.NDArray[np.intp] | None:
    """Return the order in which our values are theirs; None if they are not the same values.

    Args:
        ours: Values, length N.
        theirs: Values, length N.
        period: After which values repeat, 360 for a longitude.

    Returns:
        Indices of ours, length N: ``ours[order]`` agrees with ``theirs`` value by value.
    """
    ours_N, theirs_N = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if same_coordinate(ours_N, theirs_N, period):
        return np.arange(len(ours_N))
    if ours_N.shape != theirs_N.shape or not (np.isfinite(ours_N) & np.isfinite(theirs_N)).all():
        return None
    rising = (ours_N, theirs_N)
    if period is not None:
        # Half a spacing below their least value no cell begins, so rounding moves none around.
        origin = theirs_N.min() - _spacing(theirs_N, period).min() / 2
        rising = ((ours_N - origin) % period, (theirs_N - origin) % period)
    order_N = np.empty(len(ours_N), dtype=np.intp)
    order_N[np.argsort(rising[1], kind="stable")] = np.argsort(rising[0], kind="stable")
    return order_N if same_coordinate(ours_N[order_N], theirs_N, period) else None


def first_different(
    pairs: Sequence[tuple[Values, Values, float | None]], spacing_HW: Values
) -> int | None:
    """Return which of the coordinates of a curved grid differs in a cell first; None if none does.

    Args:
        pairs: For each of K coordinates our values HW, theirs HW, and the period or None. A cell
            that has no value in both agrees.
        spacing_HW: Distance of each cell from its nearest neighbour.
    """
    for index, (ours_HW, theirs_HW, period) in enumerate(pairs):
        neither_HW = np.isnan(ours_HW) & np.isnan(theirs_HW)
        tolerance_HW = _tolerance(ours_HW, theirs_HW, spacing_HW)
        with np.errstate(invalid="ignore"):
            same_HW = np.abs(_difference(ours_HW, theirs_HW, period)) <= tolerance_HW
        if not (same_HW | neither_HW).all():
            return index
    return None


def _difference(ours: Values, theirs: Values, period: float | None) -> Values:
    difference = ours - theirs
    if period is None:
        return difference
    return np.asarray((difference + period / 2) % period - period / 2)


def _tolerance(ours: Values, theirs: Values, spacing: Values) -> Values:
    magnitude = np.maximum(np.abs(ours), np.abs(theirs)).astype(np.float32)
    with np.errstate(invalid="ignore"):  # of a cell without a value
        single = SINGLE_UNITS * np.spacing(magnitude).astype(np.float64)
    limit = np.where(spacing > 0, LARGEST_SHARE_OF_SPACING * spacing, np.inf)
    return np.asarray(np.minimum(np.maximum(SHARE_OF_SPACING * spacing, single), limit))


def _spacing(values_N: Values, period: float | None) -> Values:
    """Return the distance of each value from its nearest neighbour along the axis."""
    if len(values_N) < 2:
        return np.zeros_like(values_N)
    steps = np.abs(_difference(values_N[1:], values_N[:-1], period))
    return np.asarray(np.minimum(np.append(steps, steps[-1]), np.insert(steps, 0, steps[0])))


def nearest_neighbour(coordinates_K: Sequence[tuple[Values, float | None]]) -> Values:
    """Return the distance of each cell from the nearest along its row and column, in HW.

    In all coordinates together: along a row of a grid the latitude may hardly change.

    Args:
        coordinates_K: For each coordinate its values HW, and the period or None.
    """
    nearest_HW = np.full(coordinates_K[0][0].shape, np.inf)
    for axis in (0, 1):
        if nearest_HW.shape[axis] < 2:
            continue
        squares = [
            _difference(np.delete(values_HW, 0, axis), np.delete(values_HW, -1, axis), period) ** 2
            for values_HW, period in coordinates_K
        ]
        step = np.sqrt(np.sum(squares, axis=0))
        step = np.where(np.isnan(step), np.inf, step)
        ahead = np.insert(step, step.shape[axis], np.inf, axis=axis)
        behind = np.insert(step, 0, np.inf, axis=axis)
        nearest_HW = np.minimum(nearest_HW, np.minimum(ahead, behind))
    return np.where(np.isinf(nearest_HW), 0.0, nearest_HW)
