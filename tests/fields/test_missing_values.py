from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldsharp.core.errors import DataError
from fieldsharp.fields.missing_values import fill_in_time, valid_cells

NAN = np.nan


def column(*values: float) -> NDArray[np.float64]:
    """One cell through time."""
    return np.array(values)[:, None, None]


def fill(*values: float) -> list[float]:
    filled, _ = fill_in_time(column(*values), np.ones((1, 1), dtype=np.bool_))
    return [float(v) for v in filled[:, 0, 0]]


def test_a_cell_takes_part_when_its_share_of_values_reaches_the_threshold() -> None:
    values = np.ones((4, 1, 3))
    values[:1, 0, 1] = NAN  # three quarters there
    values[:2, 0, 2] = NAN  # one half there

    assert valid_cells(values, 0.75, "t2m").tolist() == [[True, True, False]]
    assert valid_cells(values, 0.76, "t2m").tolist() == [[True, False, False]]


def test_a_series_without_a_single_value_is_refused() -> None:
    with pytest.raises(DataError, match="all cells of variable 't2m' are missing in every frame"):
        valid_cells(np.full((3, 2, 2), NAN), 0.5, "t2m")


def test_too_sparse_a_series_is_refused_with_its_best_share() -> None:
    with pytest.raises(DataError, match=r"in 90% of the frames \(the best has 50%\)"):
        valid_cells(column(1.0, NAN, 2.0, NAN), 0.9, "t2m")


def test_a_gap_is_closed_with_the_last_known_value_and_never_a_later_one() -> None:
    assert fill(1.0, NAN, NAN, 4.0, 0.0) == [1.0, 1.0, 1.0, 4.0, 0.0]


def test_a_gap_at_the_very_start_takes_the_first_value() -> None:
    assert fill(NAN, NAN, 5.0, 7.0, NAN) == [5.0, 5.0, 5.0, 7.0, 7.0]


def test_each_cell_is_filled_from_itself_and_cells_outside_the_mask_become_zero() -> None:
    values = np.array([[[1.0, 10.0, NAN]], [[NAN, 20.0, 8.0]], [[3.0, NAN, NAN]]])
    mask = np.array([[True, True, False]])

    filled, share = fill_in_time(values, mask)

    assert filled[:, 0].tolist() == [[1.0, 10.0, 0.0], [1.0, 20.0, 0.0], [3.0, 20.0, 0.0]]
    assert share.tolist() == [0.0, 0.5, 0.5]


def test_the_given_values_are_left_as_they_are() -> None:
    values = column(1.0, NAN, 3.0)

    fill_in_time(values, np.ones((1, 1), dtype=np.bool_))

    assert np.isnan(values[1, 0, 0])
