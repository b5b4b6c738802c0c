"""The cells of a map are where its coordinates say."""

import numpy as np
import pytest

from fieldsharp.sweep.pictures.map_grid import map_grid
from tests.sweep.pictures.sources import made_source


def test_a_degree_of_longitude_is_as_narrow_as_it_is_at_that_latitude() -> None:
    north = map_grid(made_source(shape=(10, 10), y_H=np.arange(55.0, 65.0).tolist()).observed)

    assert north.aspect == pytest.approx(2.0, rel=0.02)  # 1 / cos(59.5 degrees)
    kilometres = made_source(shape=(10, 10), labels=("x [km]", "y [km]")).observed
    assert map_grid(kilometres).aspect == 1.0


def test_rows_that_go_south_and_uneven_columns_are_placed_by_their_coordinates() -> None:
    south = made_source(shape=(3, 4), y_H=[60.0, 59.0, 58.0], x_W=[0.0, 1.0, 3.0, 7.0]).observed
    grid = map_grid(south)

    assert grid.y_edges.tolist() == [60.5, 59.5, 58.5, 57.5]
    assert grid.x_edges.tolist() == [-0.5, 0.5, 2.0, 5.0, 9.0]
    assert not grid.is_even


def test_coordinates_that_are_no_use_give_way_to_numbers_of_cells() -> None:
    twice = made_source(shape=(3, 4), x_W=[0.0, 1.0, 1.0, 0.0], y_H=[1.0, np.nan, 3.0]).observed
    grid = map_grid(twice)

    assert grid.x_W.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert grid.x_label == "lon [cells]"
    assert grid.y_label == "lat [cells]"


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1)])
def test_a_single_row_or_column_can_be_seen(shape: tuple[int, int]) -> None:
    grid = map_grid(made_source(shape=shape).observed)

    assert len(grid.x_edges) == shape[1] + 1
    assert 0.3 <= grid.aspect <= 2.2
