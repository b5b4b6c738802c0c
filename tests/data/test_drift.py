from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from data.drift import DriftSettings, main, simulate
from tests.data.simulators import lag_correlation, shares_of_a_linear_forecast

SHORT = DriftSettings(frames=12, size=32, seed=7)


def values_of(settings: DriftSettings) -> NDArray[np.float32]:
    values: NDArray[np.float32] = simulate(settings)["temperature"].to_numpy()
    return values


def test_hours_ahead_nearly_all_is_known_and_days_ahead_less() -> None:
    field_TYX = values_of(DriftSettings())

    assert lag_correlation(field_TYX, 6) > 0.98
    assert lag_correlation(field_TYX, 200) < 0.7


def test_mean_and_spread_are_those_asked_for() -> None:
    field_TYX = values_of(replace(SHORT, mean=-5.0, spread=0.5)).astype(np.float64)

    np.testing.assert_allclose(field_TYX.mean(axis=(1, 2)), -5.0, atol=1e-5)
    np.testing.assert_allclose(field_TYX.std(axis=(1, 2)), 0.5, rtol=1e-5)


def test_there_is_detail_down_to_a_few_cells() -> None:
    """A field of waves of the grid's size alone would have nothing that a forecast could blur."""
    field_YX = values_of(SHORT)[0].astype(np.float64)
    power = np.abs(np.fft.fft2(field_YX - field_YX.mean())) ** 2
    wavelength = 1 / np.maximum(
        np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32)[None, :]), 1e-9
    )

    assert 0.001 < power[wavelength < 8].sum() / power.sum() < 0.2


def test_the_current_carries_the_field() -> None:
    steady = replace(SHORT, current_x=1.0, current_y=-1.0, renewal_h=1e6)

    first, second = values_of(steady)[:2]

    moved = np.roll(first, shift=(-1, 1), axis=(0, 1))
    assert np.corrcoef(moved.ravel(), second.ravel())[0, 1] > 0.9999


def test_a_least_squares_forecast_is_not_blurred(tmp_path: Path) -> None:
    path = tmp_path / "drift.nc"
    assert main(["-o", str(path), "--size", "32", "--frames", "300"]) == 0

    gradient, peak = shares_of_a_linear_forecast(str(path))

    assert 0.97 <= gradient <= 1.02
    assert 0.95 <= peak <= 1.05


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert values_of(SHORT).tobytes() == values_of(SHORT).tobytes()
    assert values_of(SHORT).tobytes() != values_of(replace(SHORT, seed=8)).tobytes()


def test_longer_run_begins_with_the_shorter_one() -> None:
    longer = values_of(replace(SHORT, frames=20))

    np.testing.assert_array_equal(longer[: SHORT.frames], values_of(SHORT))


def test_dataset_describes_itself() -> None:
    dataset = simulate(SHORT)

    assert dict(dataset.sizes) == {"time": 12, "y": 32, "x": 32}
    assert dataset["temperature"].dtype == np.float32
    assert dataset["temperature"].attrs["units"] == "degC"
    assert dataset.attrs["renewal_h"] == SHORT.renewal_h


@pytest.mark.parametrize(
    ("name", "value"), [("frames", 0), ("spread", 0.0), ("renewal_h", float("inf")), ("size", True)]
)
def test_bad_setting_is_refused_in_one_sentence(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must ") as refusal:
        DriftSettings(**{name: value})  # type: ignore[arg-type]

    assert f"found {value!r}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_command_line_writes_a_file_that_xarray_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "drift.nc"

    assert main(["-o", str(path), "--frames", "12", "--size", "32", "--seed", "7"]) == 0

    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        xr.testing.assert_equal(dataset.load(), simulate(SHORT))
