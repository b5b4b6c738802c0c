from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from fieldsharp.fields.series import FieldSeries


def series_at(time: NDArray[Any]) -> FieldSeries:
    frames = len(time)
    return FieldSeries(
        values_TCHW=np.zeros((frames, 1, 2, 2), dtype=np.float32),
        mask_HW=np.ones((2, 2), dtype=np.bool_),
        time=time,
        units="",
        name="q",
        filled_T=np.zeros(frames, dtype=np.float32),
    )


@pytest.mark.parametrize(
    "time",
    [
        np.array(["2000-01-01T00", "2000-01-01T06", "2000-01-01T18"], dtype="datetime64[ns]"),
        np.array([datetime(2000, 1, 1, h) for h in (0, 6, 18)], dtype=object),
        np.array([0, 21600, 64800]),
    ],
    ids=["datetime64", "calendar objects", "numbers"],
)
def test_steps_are_in_seconds_for_every_kind_of_time(time: NDArray[Any]) -> None:
    assert series_at(time).steps_s.tolist() == [6 * 3600.0, 12 * 3600.0]


def test_the_usual_step_ignores_a_single_break() -> None:
    assert series_at(np.array([0.0, 10.0, 20.0, 500.0, 510.0])).step_s == 10.0


def test_a_single_frame_has_no_step() -> None:
    assert series_at(np.array([7])).step_s == 0.0


def test_a_series_that_does_not_fit_together_is_not_made() -> None:
    fits = series_at(np.arange(3))

    with pytest.raises(AssertionError, match="one time per frame"):
        FieldSeries(fits.values_TCHW, fits.mask_HW, np.arange(2), "", "q", fits.filled_T)
    with pytest.raises(AssertionError, match="mask and values"):
        FieldSeries(fits.values_TCHW, fits.mask_HW[:1], fits.time, "", "q", fits.filled_T)


def test_a_coordinate_of_two_dimensions_says_nothing_of_one_axis() -> None:
    curved = xr.Dataset(coords={"lat": (("lat", "lon"), np.zeros((3, 3))), "lon": [1.0, 2.0, 3.0]})
    series = FieldSeries(
        values_TCHW=np.zeros((1, 1, 3, 3), dtype=np.float32),
        mask_HW=np.ones((3, 3), dtype=bool),
        time=np.arange(1),
        units="K",
        name="t2m",
        filled_T=np.zeros(1, dtype=np.float32),
        dims=("time", "lat", "lon"),
        grid=curved,
    )
    assert series.coordinate(1) is None
    assert series.axis_label(1) == "lat [cells]"
    assert series.coordinate(2) is not None
