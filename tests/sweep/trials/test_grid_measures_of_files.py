"""Two files compared with cells weighted by latitude and gradients per km, against xarray."""

import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.settings import GridMeasures
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.trials.file_evaluation import evaluate_files
from tests.fields.forecast_files import random_field, write

WEIGHTED = GridMeasures(area_weights="auto")
PER_KM = GridMeasures(per="km")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A forecast and a truth from 60 degrees north on."""
    truth = random_field(0)
    pred = truth + 2.0 * np.random.default_rng(1).standard_normal(truth.shape) + 0.5
    paths = tmp_path / "f.nc", tmp_path / "t.nc"
    for path, values in zip(paths, (pred, truth), strict=True):
        write(path, values, first_lat=60.0)
    return paths


def _read(path: Path) -> xr.DataArray:
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset["t2m"].load()


def test_errors_are_weighted_by_the_cosine_of_latitude(files: tuple[Path, Path]) -> None:
    found = evaluate_files(*files, measures=WEIGHTED)
    pred, truth = (_read(path) for path in files)
    cosine = xr.DataArray(np.cos(np.deg2rad(truth["lat"].values)), dims="lat")
    error = (pred - truth).weighted(cosine)
    assert found.metrics["bias"] == pytest.approx(float(error.mean()), rel=1e-9)
    rmse = math.sqrt(float(((pred - truth) ** 2).weighted(cosine).mean()))
    assert found.metrics["rmse"] == pytest.approx(rmse, rel=1e-9)
    assert "cosine of its latitude (lat)" in found.grid_notes[0]
    assert found.metrics["gradient"] == evaluate_files(*files).metrics["gradient"]


def test_gradients_are_divided_by_distances_on_the_sphere(files: tuple[Path, Path]) -> None:
    found = evaluate_files(*files, measures=PER_KM)
    truth = _read(files[1])
    values, latitude = truth.values, truth["lat"].values
    km = 6371.0 * math.pi / 180.0 * 0.5
    lengths = []
    for i in range(1, 6):
        for j in range(1, 8):
            stencil = values[:, i - 1 : i + 2, j - 1 : j + 2]
            if np.isnan(stencil).any():
                continue
            across = (stencil[:, :, 2] - stencil[:, :, 0]) @ [1.0, 2.0, 1.0] / 8.0
            down = (stencil[:, 2] - stencil[:, 0]) @ [1.0, 2.0, 1.0] / 8.0
            lengths.append(np.hypot(across / (km * math.cos(math.radians(latitude[i]))), down / km))
    assert found.metrics["gradient_observed"] == pytest.approx(float(np.mean(lengths)), rel=1e-9)
    assert found.metrics["rmse"] == evaluate_files(*files).metrics["rmse"]
    assert found.as_json()["gradient_per"] == "km"


def test_by_default_the_grid_is_not_asked(files: tuple[Path, Path]) -> None:
    assert evaluate_files(*files, measures=GridMeasures()) == evaluate_files(*files)
    assert evaluate_files(*files).grid_notes == ()


def test_without_coordinates_weights_are_none_and_distances_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("f.npy", "t.npy"):
        np.save(tmp_path / name, rng.normal(size=(5, 7, 9)))
    paths = tmp_path / "f.npy", tmp_path / "t.npy"
    found = evaluate_files(*paths, measures=WEIGHTED)
    assert found.grid_notes == ("all cells count the same: the grid has no latitudes",)
    assert found.metrics == evaluate_files(*paths).metrics
    with pytest.raises(ConfigError, match="gradients per km need real distances"):
        evaluate_files(*paths, measures=PER_KM)


def test_the_command_takes_both_and_says_so(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--area-weights", "auto", "--per", "km"]
    assert main(["evaluate", *map(str, files), *options]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "K per km" in printed
    assert "weigh each cell by the cosine of its latitude (lat)" in printed
    assert "gradients are per km, by distances on the sphere from lat and lon" in printed
