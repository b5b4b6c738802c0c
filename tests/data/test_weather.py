from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from data.weather import METRES_PER_CELL, WeatherSettings, main, simulate

SHORT = WeatherSettings(frames=30, size=16, seed=3)


def test_the_wind_tells_where_the_temperature_goes() -> None:
    """Without daily course and renewal the anomaly moves by the mean wind of each hour."""
    steady = replace(SHORT, daily_k=0.0, renewal_h=1e6, wind_x=1.0, wind_y=1.0, gusts=0.0)
    found = simulate(steady)

    anomaly_TYX = found["t2m"] - found["t2m"].mean("valid_time")
    still = simulate(replace(steady, wind_x=0.0, wind_y=0.0))
    whole_YX = still["t2m"][0].to_numpy() - found["t2m"][0].to_numpy()
    assert np.abs(whole_YX).max() < 1e-3  # the first frame is the same
    moved = np.roll(anomaly_TYX[4].to_numpy(), (1, 1), axis=(0, 1))
    assert np.corrcoef(moved.ravel(), anomaly_TYX[5].to_numpy().ravel())[0, 1] > 0.9
    np.testing.assert_allclose(
        found["u10"].mean(("latitude", "longitude")), METRES_PER_CELL, rtol=0.02
    )
    np.testing.assert_allclose(
        found["v10"].mean(("latitude", "longitude")), -METRES_PER_CELL, rtol=0.02
    )


def test_land_has_days_and_hills_are_cold() -> None:
    found = simulate(replace(SHORT, frames=240, spread_k=1e-3))
    land_YX = found["lsm"].to_numpy() > 0.5
    range_YX = np.ptp(found["t2m"].to_numpy(), axis=0)

    assert range_YX[land_YX].min() > 5.9
    assert range_YX[~land_YX].max() < 0.02
    row = found.isel(latitude=8)
    on_land = row["lsm"].to_numpy() > 0.5
    colder = row["t2m"].mean("valid_time").to_numpy()[on_land]
    assert np.corrcoef(colder, row["z"].to_numpy()[on_land])[0, 1] < -0.99


def test_longer_run_begins_with_the_shorter_one() -> None:
    longer = simulate(replace(SHORT, frames=40)).isel(valid_time=slice(30))
    xr.testing.assert_identical(longer.drop_attrs(), simulate(SHORT).drop_attrs())


def test_files_are_one_for_each_variable_and_month(tmp_path: Path) -> None:
    assert main(["-o", str(tmp_path / "w"), "--frames", "800", "--size", "16"]) == 0

    names = sorted(path.name for path in (tmp_path / "w").iterdir())
    months = ("2020-01", "2020-02")
    expected = [f"{name}_{month}.nc" for name in ("t2m", "u10", "v10") for month in months]
    assert names == sorted([*expected, "static.nc"])
    simulated = simulate(WeatherSettings(frames=800, size=16))
    for name in ("t2m", "u10", "v10"):
        parts = [
            xr.open_dataset(tmp_path / "w" / f"{name}_{month}.nc", engine="h5netcdf")
            for month in months
        ]
        joined = xr.concat([part[name] for part in parts], "valid_time")
        np.testing.assert_array_equal(joined.values, simulated[name].values)
        np.testing.assert_array_equal(joined["valid_time"].values, simulated["valid_time"].values)
        assert (parts[0]["expver"] == "0001").all()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--frames", "0"], "frames must lie in 1 to 100000, found 0"),
        (["--size", "8"], "size must lie in 16 to 720, found 8"),
    ],
)
def test_wrong_use_exits_with_2(
    tmp_path: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["-o", str(tmp_path), *arguments])
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
