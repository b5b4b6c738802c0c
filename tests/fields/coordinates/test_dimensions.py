from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.dimensions import field_dims


def array_of(**sizes: int) -> xr.DataArray:
    shape = tuple(sizes.values())
    return xr.DataArray(np.arange(np.prod(shape)).reshape(shape), dims=tuple(sizes), name="q")


def field_axes(array: xr.DataArray, select: Mapping[str, int | float | str]) -> xr.DataArray:
    array, dims = field_dims(array, select)
    return array.transpose(*dims)


@pytest.mark.parametrize(
    "order",
    [
        ("time", "lat", "lon"),
        ("time", "lon", "lat"),
        ("lon", "lat", "time"),
        ("lat", "time", "lon"),
    ],
)
def test_any_order_of_latitude_longitude_and_time_is_brought_to_time_y_x(
    order: tuple[str, ...],
) -> None:
    straight = array_of(time=3, lat=4, lon=5)

    found = field_axes(straight.transpose(*order), {})

    assert found.dims == ("time", "lat", "lon")
    np.testing.assert_array_equal(found.values, straight.values)


def test_dimensions_without_a_known_name_keep_their_order() -> None:
    assert field_axes(array_of(rows=4, time=3, columns=5), {}).dims == ("time", "rows", "columns")


def test_an_axis_attribute_says_which_dimension_is_x() -> None:
    array = array_of(time=3, a=4, b=5).assign_coords(
        a=("a", np.arange(4), {"axis": "X"}), b=("b", np.arange(5), {"axis": "Y"})
    )

    assert field_axes(array, {}).dims == ("time", "b", "a")


@pytest.mark.parametrize(
    "when",
    [
        ("epoch", np.array(["2000-01-01", "2000-01-02"], dtype="datetime64[ns]")),
        ("epoch", np.array([0, 1]), {"axis": "T"}),
        ("epoch", np.array([0, 1]), {"standard_name": "time"}),
    ],
    ids=["dates", "axis", "standard name"],
)
def test_time_is_known_by_its_values_or_attributes_whatever_its_name(
    when: tuple[object, ...],
) -> None:
    array = array_of(y=3, x=4, epoch=2).assign_coords(epoch=when)

    assert field_axes(array, {}).dims == ("epoch", "y", "x")


def test_dates_go_before_a_dimension_that_is_merely_called_time() -> None:
    dates = np.array(["2000-01-01", "2000-01-02"], dtype="datetime64[ns]")
    array = array_of(t=3, y=4, start=2).assign_coords(start=dates)

    assert field_axes(array, {}).dims[0] == "start"


def test_a_dimension_of_length_one_is_dropped() -> None:
    found = field_axes(array_of(time=3, height=1, y=4, x=5), {})

    assert found.shape == (3, 4, 5)


def test_a_grid_of_one_row_keeps_that_row() -> None:
    assert field_axes(array_of(time=3, y=1, x=5), {}).shape == (3, 1, 5)


def test_a_value_is_chosen_by_coordinate_and_an_index_where_there_is_none() -> None:
    array = array_of(time=2, level=3, member=4, y=2, x=2).assign_coords(level=[1000, 850, 500])

    found = field_axes(array, {"level": 850, "member": 2})

    np.testing.assert_array_equal(found.values, array.values[:, 1, 2])


def test_dimensions_too_many_are_refused_with_a_choice_that_works() -> None:
    array = array_of(time=2, level=3, y=2, x=2).assign_coords(level=[1000, 850, 500])

    with pytest.raises(DataError, match=r"data\.select\.level=1000") as refusal:
        field_axes(array, {})

    assert "level=3" in str(refusal.value)
    assert field_axes(array, {"level": 1000}).dims == ("time", "y", "x")


def test_a_dimension_without_coordinate_is_chosen_by_index_in_the_advice() -> None:
    with pytest.raises(DataError, match=r"data\.select\.member=0"):
        field_axes(array_of(time=2, member=3, y=2, x=2), {})


def test_a_selection_that_is_not_there_lists_what_is() -> None:
    array = array_of(time=2, level=3, y=2, x=2).assign_coords(level=[1000, 850, 500])

    with pytest.raises(DataError, match="level=700, which does not exist; choose one of 1000, 850"):
        field_axes(array, {"level": 700})
    with pytest.raises(DataError, match="member=9, which does not exist; choose one of 0, 1, 2"):
        field_axes(array_of(time=2, member=3, y=2, x=2), {"member": 9})


def test_a_selection_of_an_unknown_dimension_lists_the_dimensions() -> None:
    with pytest.raises(DataError, match=r"'levle', which variable 'q' does not have.*level=3"):
        field_axes(array_of(time=2, level=3, y=2, x=2), {"levle": 1})


def test_a_variable_without_time_is_refused() -> None:
    with pytest.raises(DataError, match=r"'q' has no time dimension.*y=3, x=4"):
        field_axes(array_of(y=3, x=4), {})


def test_a_variable_that_is_no_grid_is_refused() -> None:
    with pytest.raises(DataError, match=r"station=4.*choose a variable on a grid"):
        field_axes(array_of(time=3, station=4), {})


@pytest.mark.parametrize(
    ("x_attrs", "y_attrs"),
    [
        ({"units": "degrees_east"}, {"units": "degrees_north"}),
        (
            {"standard_name": "projection_x_coordinate"},
            {"standard_name": "projection_y_coordinate"},
        ),
        ({"standard_name": "grid_longitude"}, {"standard_name": "grid_latitude"}),
        ({"axis": "X"}, {}),
        ({}, {"axis": "Y"}),
    ],
)
def test_attributes_say_which_dimension_is_x_and_which_is_y(
    x_attrs: dict[str, str], y_attrs: dict[str, str]
) -> None:
    array = array_of(a=4, b=5, time=3).assign_coords(
        a=("a", np.arange(4.0), x_attrs), b=("b", np.arange(5.0), y_attrs)
    )
    assert field_axes(array, {}).dims == ("time", "b", "a")


@pytest.mark.parametrize("attrs", [{"positive": "down"}, {"axis": "Z"}, {"standard_name": "depth"}])
def test_a_level_is_never_taken_for_y(attrs: dict[str, str]) -> None:
    array = array_of(time=3, a=4, b=5, c=2).assign_coords(b=("b", np.arange(5.0), attrs))
    with pytest.raises(DataError, match=r"data\.select\.b=0"):
        field_axes(array, {})
    assert field_axes(array, {"b": 1}).dims == ("time", "a", "c")
    with pytest.raises(DataError, match="'b' is a level"):
        field_axes(array.isel(a=0, drop=True), {})


def test_rows_of_a_picture_are_no_level() -> None:
    assert field_axes(array_of(time=3, height=4, width=5), {}).shape == (3, 4, 5)


def test_a_number_is_chosen_up_to_the_rounding_of_its_precision() -> None:
    array = array_of(time=2, depth=2, y=2, x=2).assign_coords(
        depth=np.array([0.2, 0.7], dtype=np.float32)
    )
    for typed in (0.7, "0.7"):
        found = field_axes(array, {"depth": typed})
        np.testing.assert_array_equal(found.values, array.values[:, 1])


def test_a_value_that_is_there_twice_is_refused() -> None:
    array = array_of(time=2, level=2, y=2, x=2).assign_coords(level=[850, 850])
    with pytest.raises(DataError, match="which is there 2 times"):
        field_axes(array, {"level": 850})


def test_the_level_that_all_of_a_variable_is_at_may_be_named() -> None:
    array = array_of(time=2, y=2, x=2).assign_coords(level=850)
    assert field_axes(array, {"level": 850}).dims == ("time", "y", "x")
    with pytest.raises(DataError, match=r"level=500, and all of variable 'q' is at level=850"):
        field_axes(array, {"level": 500})
