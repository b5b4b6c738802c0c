"""A field that is 97 % static: its forecast is sharp without any help."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.sweep.command_line import main

SIDE, FRAMES = 24, 150


@pytest.fixture(
    params=[
        "moving",
        pytest.param("noise", marks=pytest.mark.slow),
        pytest.param("steps", marks=pytest.mark.slow),
    ]
)
def static_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A pattern that stands still but for 16 of 576 cells: in waves, at random, in steps."""
    rows, columns = np.indices((SIDE, SIDE))
    time = np.arange(FRAMES)
    values = np.repeat((10 + 3 * np.sin(rows / 2) * np.cos(columns / 3))[None], FRAMES, axis=0)
    changing = {
        "moving": 0.5 * np.sin(time / 5)[:, None, None] * np.ones((4, 4)),
        "noise": 0.3 * np.random.default_rng(0).normal(size=(FRAMES, 4, 4)),
        "steps": 0.2 * (time // 9)[:, None, None] * np.ones((4, 4)),
    }
    values[:, 10:14, 10:14] += changing[request.param]
    hours = np.datetime64("2020-01-01", "ns") + time * np.timedelta64(1, "h")
    array = xr.DataArray(
        values, dims=("time", "y", "x"), coords={"time": hours}, attrs={"units": "K"}
    )
    array.to_dataset(name="f").to_netcdf(tmp_path / "static.nc", engine="h5netcdf")
    return tmp_path / "static.nc"


@pytest.mark.outside
def test_a_sweep_on_it_ends_with_nothing_to_fix(
    static_file: Path,
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = ["--set", f"data.path={static_file}", "--set", "data.variable=f"]
    start = ["start", str(tiny_yaml), "--study", "static", "--workers", "1", "--trials", "4"]
    assert main([*start, *overrides]) == 0
    capsys.readouterr()
    assert main(["status", "static", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["verdict"]["name"] == "nothing to fix"
    assert status["states"]["COMPLETE"] == 1, "no trial was spent on it"
    assert status["best"]["trial"] == 0
    assert status["eta_s"] is None
