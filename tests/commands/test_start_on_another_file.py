"""Pointing a sweep at one's own file takes two options and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.sweep.command_line import main

pytestmark = pytest.mark.outside


def _own_file(path: Path, plume_file: Path) -> None:
    """Temperature on (valid_time, height, latitude, longitude) beside a second variable."""
    with xr.open_dataset(plume_file, engine="h5netcdf") as plumes:
        values = plumes["plume"].values[:90, None, 4:20, 2:23].astype(np.float64)
    when = np.datetime64("2021-06-01", "ns") + np.arange(90) * np.timedelta64(3, "h")
    dims = ("valid_time", "height", "latitude", "longitude")
    coords = {
        "valid_time": when,
        "height": [2.0],
        "latitude": np.linspace(58.0, 50.5, 16),
        "longitude": np.linspace(-8.0, 2.0, 21),
    }
    kelvin = (dims, 250.0 + values / 4, {"units": "K"})
    humidity = (dims, values / 1e4, {"units": "kg kg-1"})
    xr.Dataset({"t2m": kelvin, "q2m": humidity}, coords=coords).to_netcdf(path, engine="h5netcdf")


def test_start_takes_another_file_by_two_options(
    plume_file: Path,
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _own_file(tmp_path / "own.nc", plume_file)
    monkeypatch.chdir(tmp_path)
    overrides = ["--set", "data.path=own.nc", "--set", "data.variable=t2m"]
    overrides += ["--set", "budget.stop_on_nothing_to_fix=false"]
    assert main(["start", str(tiny_yaml), *overrides, "--trials", "2", "--workers", "1"]) == 0
    capsys.readouterr()
    assert main(["status", "tiny", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["states"]["COMPLETE"] == 2
    assert (status["variable"], status["units"]) == ("t2m", "K")
    assert status["targets"]["peak"] > 250.0

    assert main(["export", "tiny", "-o", "best.yaml"]) == 0
    assert main(["train", "best.yaml", "-o", "run"]) == 0
    assert main(["predict", "run", "--days", "1", "-o", "f.nc"]) == 0
    with (
        xr.open_dataset("f.nc", engine="h5netcdf") as found,
        xr.open_dataset("own.nc", engine="h5netcdf") as own,
    ):
        assert found["t2m"].dims == ("valid_time", "latitude", "longitude")
        assert found["t2m"].shape == (8, 16, 21)
        xr.testing.assert_identical(found["latitude"], own["latitude"])
        assert found["valid_time"].values[0] == own["valid_time"].values[-1] + np.timedelta64(
            3, "h"
        )


def test_without_a_variable_the_ones_there_are_are_named(
    plume_file: Path,
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _own_file(tmp_path / "own.nc", plume_file)
    monkeypatch.chdir(tmp_path)
    assert main(["start", str(tiny_yaml), "--set", "data.path=own.nc"]) == 2
    said = capsys.readouterr().err
    assert "--truth-variable): t2m, q2m" in said
