"""Maps of one kind have one scale, and their cells are where the coordinates say."""

import numpy as np
import pytest

from fieldsharp.sweep.pictures.map_grid import map_grid
from fieldsharp.sweep.pictures.maps import difference_scale, masked, value_scale
from tests.sweep.pictures.views import field, made_view


def test_the_scale_holds_all_that_was_observed_and_is_the_same_for_forecasts() -> None:
    seen, forecast = field((20, 20), 0), 0.5 * field((20, 20), 1)
    scale = value_scale(seen, [forecast])

    assert scale.high == seen.max()
    assert scale.low == pytest.approx(np.percentile(forecast, 0.5))
    assert scale.beyond == (True, False)
    assert scale.extend == "min"


def test_a_spike_in_a_forecast_does_not_press_the_field_into_one_colour() -> None:
    seen = field((40, 40), 0)
    spiked = seen.copy()
    spiked[3, 3] = 1e6
    scale = value_scale(seen, [spiked])

    assert scale.high == seen.max()
    assert scale.extend == "max"


def test_differences_have_a_scale_that_is_the_same_to_both_sides() -> None:
    scale = difference_scale([np.array([[-1.0, 4.0]]), np.array([[2.0, np.nan]])])

    assert scale.low == -scale.high
    assert 3.9 < scale.high <= 4.0


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 1e-30, 1e30])
def test_a_field_that_is_the_same_everywhere_has_a_scale(value: float) -> None:
    constant = np.full((4, 4), value)
    scale = value_scale(constant, [constant])

    assert scale.low < value < scale.high
    assert difference_scale([constant - constant]).high == 1.0


def test_without_any_number_there_is_a_scale_still() -> None:
    nothing = np.full((4, 4), np.nan)

    assert value_scale(nothing, [nothing]).low < value_scale(nothing, []).high
    assert difference_scale([nothing]).high == 1.0


def test_cells_that_take_no_part_have_no_value() -> None:
    mask_HW = np.array([[True, False]])

    assert np.isnan(masked(np.array([[1.0, 2.0]]), mask_HW)).tolist() == [[False, True]]


def test_a_degree_of_longitude_is_as_narrow_as_it_is_at_that_latitude() -> None:
    north = map_grid(made_view(shape=(10, 10), y_H=np.arange(55.0, 65.0).tolist()).observed)

    assert north.shape_on_paper == pytest.approx(2.0, rel=0.02)  # 1 / cos(59.5 degrees)
    kilometres = made_view(shape=(10, 10), labels=("x [km]", "y [km]")).observed
    assert map_grid(kilometres).shape_on_paper == 1.0


def test_rows_that_go_south_and_uneven_columns_are_placed_by_their_coordinates() -> None:
    south = made_view(shape=(3, 4), y_H=[60.0, 59.0, 58.0], x_W=[0.0, 1.0, 3.0, 7.0]).observed
    grid = map_grid(south)

    assert grid.y_edges.tolist() == [60.5, 59.5, 58.5, 57.5]
    assert grid.x_edges.tolist() == [-0.5, 0.5, 2.0, 5.0, 9.0]
    assert not grid.is_even


def test_coordinates_that_are_no_use_give_way_to_numbers_of_cells() -> None:
    twice = made_view(shape=(3, 4), x_W=[0.0, 1.0, 1.0, 0.0], y_H=[1.0, np.nan, 3.0]).observed
    grid = map_grid(twice)

    assert grid.x_W.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert grid.x_label == "lon [cells]"
    assert grid.y_label == "lat [cells]"


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1)])
def test_a_single_row_or_column_can_be_seen(shape: tuple[int, int]) -> None:
    grid = map_grid(made_view(shape=shape).observed)

    assert len(grid.x_edges) == shape[1] + 1
    assert 0.3 <= grid.shape_on_paper <= 2.2
