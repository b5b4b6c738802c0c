"""The time of a frame is the time that its values hold for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.common_frames import TimeAxis, frames_in_both
from fieldsharp.fields.coordinates.selection import FORECAST_SELECT
from fieldsharp.fields.reading import RawField, read_forecast, read_series
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings
from tests.fields.coordinates.forecasts import (
    HOUR,
    LEADS,
    PLACES,
    as_cfgrib,
    by_reference_and_lead,
    hours,
    pattern,
)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[xr.Dataset], Path]:
    def _save(dataset: xr.Dataset) -> Path:
        dataset.to_netcdf(tmp_path / "field.nc", engine="h5netcdf")
        return tmp_path / "field.nc"

    return _save


Saver = Callable[[xr.Dataset], Path]


def series(path: Path, **select: object) -> FieldSeries:
    return read_series(
        DataSettings.model_validate({"path": str(path), "variable": "t2m", "select": select})
    )


def forecast(path: Path, **select: object) -> RawField:
    settings = {"path": str(path), "variable": "t2m", "select": select}
    return read_forecast(DataSettings.model_validate(settings), FORECAST_SELECT)


def refusal(path: Path, **select: object) -> str:
    with pytest.raises(DataError) as found:
        series(path, **select)
    assert "\n" not in str(found.value)
    return str(found.value)


def times_match_values(found: FieldSeries) -> bool:
    """Whether each frame's time is the hour that its values are made of."""
    made_of = np.floor(found.values_TCHW[:, 0, 0, 0])
    return bool((found.time == hours(200)[made_of.astype(int)]).all())


@pytest.mark.parametrize(
    "name",
    ["prediction_timedelta", "step", "lead", "lead_time", "leadtime", "forecast_period", "odd"],
)
def test_a_single_lead_is_added_to_the_reference_time(save: Saver, name: str) -> None:
    one = by_reference_and_lead(lead=name).isel({name: [1]})
    # A dimension of one value, or none; a duration of any other name may be something else.
    for shape in (one, one.isel({name: 0}))[: 1 if name == "odd" else 2]:
        found = series(save(shape))
        np.testing.assert_array_equal(found.time, hours(4, first=12, every=6))
        assert times_match_values(found)
        assert found.dims == ("time", "lat", "lon")


@pytest.mark.parametrize(
    ("units", "scale"), [("hours", 1), ("h", 1), ("days", 24), ("minutes", 1 / 60), ("s", 1 / 3600)]
)
def test_numbers_with_units_of_time_are_leads(save: Saver, units: str, scale: float) -> None:
    data = by_reference_and_lead(lead="step").isel(step=1)
    found = series(save(data.assign_coords(step=((), 12 / scale, {"units": units}))))
    np.testing.assert_array_equal(found.time, hours(4, first=12, every=6))


def test_a_lead_is_known_by_its_standard_name(save: Saver) -> None:
    data = by_reference_and_lead(lead="ahead").isel(ahead=1)
    data["ahead"] = ((), 12, {"units": "hours", "standard_name": "forecast_period"})
    np.testing.assert_array_equal(series(save(data)).time, hours(4, first=12, every=6))


def test_a_lead_without_a_unit_is_refused(save: Saver) -> None:
    data = by_reference_and_lead(lead="step").isel(step=[1])
    assert "'step' has no units and values such as 12" in refusal(
        save(data.assign_coords(step=[12]))
    )
    assert "'step' has no units" in refusal(save(data.drop_vars("step")))
    assert "units 'months'" in refusal(
        save(data.assign_coords(step=("step", [1], {"units": "months"})))
    )


def test_a_chosen_lead_without_values_is_refused_as_well(save: Saver) -> None:
    data = by_reference_and_lead(lead="step").drop_vars("step")
    assert "'step' has no units" in refusal(save(data), step=1)


def test_a_reference_time_without_lead_is_marked_as_one(save: Saver) -> None:
    data = by_reference_and_lead(time="init_time").isel(prediction_timedelta=1, drop=True)
    found = series(save(data))
    np.testing.assert_array_equal(found.time, data["init_time"])
    assert found.time_attrs["standard_name"] == "forecast_reference_time"


def test_cfgrib_files_are_read_at_their_valid_time(save: Saver) -> None:
    for data in (as_cfgrib().isel(step=1), as_cfgrib().isel(step=[1])):
        found = series(save(data))
        assert times_match_values(found)
        np.testing.assert_array_equal(found.time, hours(4, first=12, every=6))


def test_a_valid_time_counts_where_the_unit_of_the_lead_is_not_known(save: Saver) -> None:
    data = as_cfgrib().isel(step=1).assign_coords(step=((), 2))
    assert times_match_values(series(save(data)))


def test_valid_time_may_be_the_dimension(save: Saver) -> None:
    data = as_cfgrib().isel(step=1).swap_dims(time="valid_time")
    found = series(save(data))
    assert times_match_values(found)
    assert found.dims[0] == "valid_time"


def test_times_of_iris_are_valid_times_beside_a_forecast_period(save: Saver) -> None:
    data = by_reference_and_lead().isel(prediction_timedelta=1, drop=True)
    data = data.assign_coords(
        time=("time", data["time"].values + 12 * HOUR, {"standard_name": "time"}),
        forecast_period=((), 12, {"units": "hours", "standard_name": "forecast_period"}),
    )
    assert times_match_values(series(save(data)))


def test_dates_that_may_be_either_time_are_refused(save: Saver) -> None:
    data = by_reference_and_lead().isel(prediction_timedelta=[1])
    data["time"].attrs["standard_name"] = "time"
    assert "give it the standard_name 'forecast_reference_time'" in refusal(save(data))


def test_times_that_contradict_each_other_are_refused(save: Saver) -> None:
    data = as_cfgrib()
    data["valid_time"] = data["valid_time"] + 6 * HOUR
    assert "'valid_time' is up to 6 h from 'time' plus 'step'" in refusal(save(data.isel(step=1)))


def test_one_run_is_a_series_along_its_leads(save: Saver) -> None:
    for run in (as_cfgrib().isel(time=2), by_reference_and_lead().isel(time=[2])):
        found = series(save(run))
        np.testing.assert_array_equal(found.time, hours(3, first=18, every=6))
        assert times_match_values(found)
        assert found.dims[0] == "time"


def test_several_runs_with_leads_are_refused_with_a_choice_that_works(save: Saver) -> None:
    for data in (as_cfgrib(), by_reference_and_lead()):
        path = save(data)
        message = refusal(path)
        advice = re.search(r"for example --set data\.select\.(.+)", message)
        assert advice is not None
        (typed,) = shlex.split(advice[1])
        dim, _, value = typed.partition("=")
        assert value == "6 h"
        found = series(path, **{dim: value})
        np.testing.assert_array_equal(found.time, hours(4, first=6, every=6))
        assert times_match_values(found)


def test_the_grid_of_a_series_keeps_no_times(save: Saver) -> None:
    found = series(save(as_cfgrib().assign_coords(surface=0.0)), step="12 h")
    assert set(found.grid.coords) == {"lat", "lon", "surface"}
    assert found.time_attrs == {"standard_name": "time"}


def test_leads_are_added_to_dates_of_other_calendars(save: Saver) -> None:
    starts = np.array([cftime.DatetimeNoLeap(2020, 2, 28, h) for h in (0, 6, 12)], dtype=object)
    data = by_reference_and_lead(3).isel(prediction_timedelta=2).assign_coords(time=starts)
    found = series(save(data))
    assert [str(t) for t in found.time] == [
        "2020-02-28 18:00:00",
        "2020-03-01 00:00:00",
        "2020-03-01 06:00:00",
    ]


@pytest.mark.parametrize("layout", [as_cfgrib, by_reference_and_lead])
def test_a_forecast_has_a_frame_for_each_reference_time_and_lead(
    save: Saver, layout: Callable[[], xr.Dataset]
) -> None:
    found = forecast(save(layout()))
    assert found.lead_T is not None
    valid = (found.time - hours(1)[0]) / HOUR
    np.testing.assert_array_equal(valid, (6 * np.arange(4)[:, None] + LEADS).ravel())
    np.testing.assert_array_equal(found.lead_T / HOUR, np.tile(LEADS, 4))
    np.testing.assert_allclose(found.values_THW, pattern(valid))


def test_the_order_of_dimensions_in_a_forecast_does_not_matter(save: Saver) -> None:
    data = as_cfgrib().transpose("lon", "step", "lat", "time")
    found = forecast(save(data))
    np.testing.assert_allclose(found.values_THW, pattern((found.time - hours(1)[0]) / HOUR))


@pytest.mark.parametrize("name", ["number", "realization", "ensemble", "member"])
def test_a_forecast_has_a_frame_for_each_member(save: Saver, name: str) -> None:
    data = xr.concat(
        [as_cfgrib() + 1000 * k for k in range(2)], xr.DataArray([0, 5], dims=name, name=name)
    ).transpose("time", name, ...)
    found = forecast(save(data))
    assert found.member_T is not None
    shift = np.array([0.0 if member == "0" else 1000.0 for member in found.member_T])
    assert set(found.member_T) == {"0", "5"}
    valid = (found.time - hours(1)[0]) / HOUR
    np.testing.assert_allclose(found.values_THW - shift[:, None, None], pattern(valid))


def test_the_reference_time_of_graphcast_is_not_needed_beside_datetime(save: Saver) -> None:
    values = pattern([[6, 12, 18]])
    data = xr.Dataset(
        {"t2m": (("batch", "time", "lat", "lon"), values)},
        coords={
            **PLACES,
            "time": ("time", LEADS * HOUR),
            "datetime": (("batch", "time"), hours(3, first=6, every=6)[None]),
        },
    )
    np.testing.assert_array_equal(series(save(data)).time, hours(3, first=6, every=6))


def test_a_level_of_a_forecast_has_to_be_chosen_with_its_own_option(save: Saver) -> None:
    data = xr.concat([as_cfgrib()] * 2, xr.DataArray([850, 500], dims="level", name="level"))
    path = save(data)
    with pytest.raises(DataError, match=r"--forecast-select level=850"):
        forecast(path)
    assert len(forecast(path, level="500").time) == 12


@pytest.mark.parametrize("typed", ["6 h", "6h", "6 hours", "0 days 06:00:00"])
def test_a_lead_is_chosen_by_text(save: Saver, typed: str) -> None:
    found = series(save(by_reference_and_lead()), prediction_timedelta=typed)
    np.testing.assert_array_equal(found.time, hours(4, first=6, every=6))


def test_a_lead_that_is_not_there_lists_those_that_are(save: Saver) -> None:
    for wrong in ("7 h", 6):
        message = refusal(save(by_reference_and_lead()), prediction_timedelta=wrong)
        assert "choose one of 6 h, 12 h, 18 h" in message


def test_a_run_is_chosen_by_its_date(save: Saver) -> None:
    for typed in ("2020-01-01T06", "2020-01-01 06:00", "2020-01-01T06:00:00"):
        found = series(save(by_reference_and_lead()), time=typed)
        np.testing.assert_array_equal(found.time, hours(3, first=12, every=6))


def test_analyses_dated_by_their_start_alone_are_a_series(save: Saver) -> None:
    """As cfgrib's time is left when step and valid_time are dropped."""
    values = pattern(np.arange(30))
    start = {"standard_name": "forecast_reference_time", "long_name": "initial time of forecast"}
    array = xr.DataArray(
        values, PLACES | {"time": ("time", hours(30), start)}, ("time", "lat", "lon")
    )
    found = series(save(array.to_dataset(name="t2m")))

    np.testing.assert_array_equal(found.time, hours(30))
    np.testing.assert_array_equal(found.values_TCHW[:, 0], values.astype(np.float32))


def test_starts_are_not_compared_with_times_that_values_hold_for() -> None:
    starts = TimeAxis(hours(30), {"standard_name": "forecast_reference_time"})
    valid = TimeAxis(hours(30), {"standard_name": "time"})
    assert frames_in_both(starts, starts) == (list(range(30)), list(range(30)))
    with pytest.raises(DataError, match="dates of the forecast are those a forecast starts from"):
        frames_in_both(starts, valid)
    with pytest.raises(DataError, match="dates of the truth are those a forecast starts from"):
        frames_in_both(valid, starts)
