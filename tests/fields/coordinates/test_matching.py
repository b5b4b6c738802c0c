"""Coordinates of two files: the same up to rounding, and the order of their cells."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsharp.fields.coordinates.matching import (
    FULL_CIRCLE,
    matching_order,
    nearest_neighbour,
    same_coordinate,
)
from fieldsharp.fields.coordinates.matching import first_different as different_at

Pair = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float | None]


def first_different(pairs: list[Pair]) -> int | None:
    return different_at(pairs, nearest_neighbour([(theirs, period) for _, theirs, period in pairs]))


SPACINGS = st.floats(0.01, 5.0)  # in degrees: a shift of 1 % exceeds single precision from 0.01 on


@given(SPACINGS, st.floats(-180, 100), st.integers(2, 50))
def test_single_precision_does_not_make_another_coordinate(
    spacing: float, first: float, count: int
) -> None:
    axis = first + spacing * np.arange(count)
    rounded = axis.astype(np.float32).astype(np.float64)
    assert same_coordinate(rounded, axis)
    assert same_coordinate(axis, rounded)
    wrapped = (axis % 360).astype(np.float32)
    order = matching_order(np.sort(wrapped), axis, FULL_CIRCLE)
    if spacing * count < 350:
        assert order is not None
        np.testing.assert_array_equal(np.sort(wrapped)[order], wrapped)


@given(st.floats(0.02, 5.0), st.floats(-180, 80), st.integers(2, 20), st.sampled_from([-1, 1]))
def test_a_shift_by_a_hundredth_of_the_spacing_is_another_coordinate(
    spacing: float, first: float, count: int, sign: int
) -> None:
    axis = first + spacing * np.arange(count)
    assert not same_coordinate(axis + sign * 0.0101 * spacing, axis)
    assert matching_order(axis + sign * 0.0101 * spacing, axis) is None
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    moved = rows + sign * 0.0101 * spacing
    assert first_different([(columns, columns, FULL_CIRCLE), (moved, rows, None)]) == 1
    assert first_different([(columns, columns, FULL_CIRCLE), (rows, rows, None)]) is None


def test_a_shift_by_a_cell_is_seen_where_single_precision_cannot_tell_cells_apart() -> None:
    metres = 9e6 + np.arange(10.0)
    assert not same_coordinate(metres + 1, metres)
    assert same_coordinate(metres, metres)


def test_any_order_of_the_same_values_is_found() -> None:
    rng = np.random.default_rng(0)
    axis = np.cumsum(rng.uniform(0.5, 1.5, 20))
    shuffled = rng.permutation(20)
    order = matching_order(axis[shuffled], axis)
    assert order is not None
    np.testing.assert_array_equal(shuffled[order], np.arange(20))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_value_is_no_match(broken: float) -> None:
    axis = np.arange(4.0)
    other = axis.copy()
    other[2] = broken
    assert matching_order(other, axis) is None
    assert not same_coordinate(axis, other)


def test_along_a_row_where_latitude_hardly_changes_the_distance_of_cells_counts() -> None:
    rows, columns = np.meshgrid(np.arange(5.0), np.arange(6.0), indexing="ij")
    noisy = rows + 5e-4 * np.sin(7 * columns + 3 * rows)  # half of a thousandth of a cell
    pairs: list[Pair] = [(noisy, rows, None), (columns, columns, FULL_CIRCLE)]
    assert first_different(pairs) is None
    # Cells of land that neither file places agree, one that a single file places does not.
    hole = rows.copy()
    hole[2, 3] = np.nan
    assert first_different([(hole, hole, None)]) is None
    assert first_different([(hole, rows, None)]) == 0
