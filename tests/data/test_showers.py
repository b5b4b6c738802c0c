from __future__ import annotations

from dataclasses import replace
from math import pi
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from data.showers import LIVES, ShowerSettings, main, simulate
from tests.data.simulators import lag_correlation, shares_of_a_linear_forecast

SHORT = ShowerSettings(frames=12, size=32, seed=7)
FEW = replace(
    SHORT,
    frames=400,
    storms_per_h=2.0,
    own_motion=0.0,
    mean_wind_x=0.0,
    mean_wind_y=0.0,
    wind_spread=0,
)


def values_of(settings: ShowerSettings) -> NDArray[np.float32]:
    values: NDArray[np.float32] = simulate(settings)["rain"].to_numpy()
    return values


@pytest.fixture(scope="module")
def default_TYX() -> NDArray[np.float32]:
    return values_of(ShowerSettings())


def test_most_of_the_field_is_exactly_zero_and_none_is_missing(
    default_TYX: NDArray[np.float32],
) -> None:
    assert np.isfinite(default_TYX).all()
    assert 0.65 <= (default_TYX == 0).mean() <= 0.9
    assert default_TYX[default_TYX > 0].min() >= np.float32(ShowerSettings.threshold)


def test_rain_is_forgotten_within_the_life_of_a_cell(default_TYX: NDArray[np.float32]) -> None:
    near, later, far = (lag_correlation(default_TYX, lag) for lag in (1, 4, 12))

    assert near > 0.85
    assert 0.2 <= later <= 0.6
    assert far < 0.15


def test_mean_rate_is_that_of_campbells_theorem() -> None:
    s = ShowerSettings(frames=12_000, size=32, threshold=0.001)
    births_per_h = s.storms_per_h * s.storm_life_min / 60 * s.cells_per_storm_h / 64**2
    parabola = 2 / 3 * s.mean_peak * s.cell_life_min / 60
    mean_square = s.cell_radius_cells**2 * (1 + 0.8**2 / 12)  # of radii from 0.6 to 1.4 times that

    expected = births_per_h * parabola * 2 * pi * mean_square

    assert values_of(s).mean() == pytest.approx(expected, rel=0.08)


def test_showers_begin_weak_grow_and_die() -> None:
    rain_TYX = values_of(FEW)
    showers, count = ndimage.label(rain_TYX > 0, structure=np.ones((3, 3, 3)))
    rain = [
        ndimage.maximum(rain_TYX[t], showers[t], range(1, count + 1)) for t in range(len(rain_TYX))
    ]
    of_shower = np.array(rain).T
    whole = [s for s in of_shower if s[0] == 0 and s[-1] == 0 and np.count_nonzero(s) >= 4]

    assert len(whole) >= 5
    for series in whole:
        wet = np.flatnonzero(series)
        assert wet[0] < series.argmax() < wet[-1]


def test_no_shower_of_one_cell_outlives_the_longest_life() -> None:
    rain_TYX = values_of(replace(FEW, cells_per_storm_h=0.4))
    showers, count = ndimage.label(rain_TYX > 0, structure=np.ones((3, 3, 3)))
    lives = [len(np.unique(np.nonzero(showers == n)[0])) for n in range(1, count + 1)]

    assert np.median(lives) <= FEW.cell_life_min * LIVES[1] / 5 + 1


def test_steady_wind_carries_the_showers_one_cell_a_frame() -> None:
    steady = replace(
        FEW, frames=3, storms_per_h=2.0, mean_wind_x=1.0, mean_wind_y=-1.0, cell_life_min=5000.0
    )

    first, second = values_of(steady)[:2]

    assert first.any()
    moved = np.roll(first, shift=(-1, 1), axis=(0, 1))
    assert np.corrcoef(moved.ravel(), second.ravel())[0, 1] > 0.999


def test_a_least_squares_forecast_is_blurred(tmp_path: Path) -> None:
    path = tmp_path / "showers.nc"
    assert main(["-o", str(path), "--size", "32", "--frames", "500"]) == 0

    gradient, peak = shares_of_a_linear_forecast(str(path))

    assert gradient < 0.9
    assert peak < 0.8


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert values_of(SHORT).tobytes() == values_of(SHORT).tobytes()
    assert values_of(SHORT).tobytes() != values_of(replace(SHORT, seed=8)).tobytes()


def test_longer_run_begins_with_the_shorter_one() -> None:
    longer = values_of(replace(SHORT, frames=20))

    np.testing.assert_array_equal(longer[: SHORT.frames], values_of(SHORT))


def test_dataset_describes_itself() -> None:
    dataset = simulate(SHORT)

    assert dict(dataset.sizes) == {"time": 12, "y": 32, "x": 32}
    assert dataset["rain"].dtype == np.float32
    assert dataset["rain"].attrs["units"] == "mm h-1"
    assert dataset.attrs["cell_life_min"] == SHORT.cell_life_min
    minutes = np.diff(dataset["time"].to_numpy()) / np.timedelta64(1, "m")
    assert (minutes == 5).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames", 0),
        ("size", 15),
        ("seed", -1),
        ("storms_per_h", 0.0),
        ("cell_life_min", float("nan")),
        ("mean_peak", "12"),
    ],
)
def test_bad_setting_is_refused_in_one_sentence(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must ") as refusal:
        ShowerSettings(**{name: value})  # type: ignore[arg-type]

    assert f"found {value!r}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_command_line_writes_a_file_that_xarray_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "showers.nc"

    assert main(["-o", str(path), "--frames", "12", "--size", "32", "--seed", "7"]) == 0

    assert [entry.name for entry in tmp_path.iterdir()] == ["showers.nc"]
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        xr.testing.assert_equal(dataset.load(), simulate(SHORT))
