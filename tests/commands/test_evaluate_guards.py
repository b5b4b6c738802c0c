"""Guards on two files, and three: blur with noise and a spike, real humidity."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.command_line import main

HUMIDITY = PROJECT / "data" / "uk_wfde5_hourly_2018_jun_jul.nc"
RELATIVE = {"rmse", "gradient_correlation"}
Array = npt.NDArray[np.float64]


def _blurred(values: Array) -> Array:
    known = np.isfinite(values)
    frames = [
        gaussian_filter(np.where(k, f, 0.0), 1.0) / np.maximum(gaussian_filter(k * 1.0, 1.0), 1e-9)
        for f, k in zip(values, known, strict=True)
    ]
    return np.where(known, np.stack(frames), np.nan)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A truth of 132 frames, its blur, and the blur with noise and a spike that has its peak."""
    folder = tmp_path_factory.mktemp("files")
    with xr.open_dataset(HUMIDITY, engine="h5netcdf") as dataset:
        truth = dataset["Qair"].isel(time=slice(1200, 1464, 2)).load()
    values = truth.values.astype(float)
    blur = _blurred(values)
    noisy = blur + np.random.default_rng(0).normal(0.0, 4e-4, blur.shape)
    for frame, observed in zip(noisy, values, strict=True):
        frame.flat[np.nanargmax(frame)] = np.nanmax(observed)
    written = {}
    for name, field in {"truth": values, "blur": blur, "noisy": noisy}.items():
        written[name] = folder / f"{name}.nc"
        truth.copy(data=field).to_dataset(name="Qair").to_netcdf(written[name], engine="h5netcdf")
    return written


def _evaluate(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def _broken(found: dict[str, Any]) -> set[str]:
    return {name for name, guard in found["guards"].items() if not guard["ok"]}


def test_blur_with_noise_and_a_spike_is_seen_through(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = _evaluate(capsys, files["noisy"], files["truth"])
    assert found["peak"] == pytest.approx(found["peak_observed"], rel=0.02)
    assert {"forward_sobel", "roughness"} <= _broken(found)
    guard = found["guards"]["forward_sobel"]
    assert guard["value"] > guard["limit"] > 0
    assert not RELATIVE & set(found["guards"]), "those need a baseline"


def test_the_truth_itself_breaks_no_guard(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = _evaluate(capsys, files["truth"], files["truth"], "--baseline", files["blur"])
    assert _broken(found) == set()
    assert set(found["guards"]) >= RELATIVE | {"climatology", "spectrum_small", "correlation"}


def test_a_baseline_brings_the_guards_relative_to_it(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = _evaluate(capsys, files["noisy"], files["truth"], "--baseline", files["blur"])
    alone = _evaluate(capsys, files["blur"], files["truth"])
    assert found["guards"]["rmse"]["limit"] == pytest.approx(1.25 * alone["rmse"])
    assert not found["guards"]["rmse"]["ok"]


def test_blur_alone_breaks_none(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert _broken(_evaluate(capsys, files["blur"], files["truth"])) == set()


def test_the_climatology_is_that_of_the_whole_truth_file(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with xr.open_dataset(files["noisy"], engine="h5netcdf") as dataset:
        dataset.isel(time=slice(0, 5)).to_netcdf(tmp_path / "few.nc", engine="h5netcdf")
    found = _evaluate(capsys, tmp_path / "few.nc", files["truth"])
    mean, _, left_out = found["climatology"].partition("; ")
    assert mean == "each cell's mean over the 132 frames of the truth"
    assert left_out.startswith("the guard order is left out")
    assert found["frames"] == 5


def test_a_short_truth_has_the_mean_of_all_its_cells(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mean over a few frames would be nearly the truth, and any forecast worse than it."""
    with xr.open_dataset(files["truth"], engine="h5netcdf") as dataset:
        dataset.isel(time=slice(0, 1)).to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    found = _evaluate(capsys, files["blur"], tmp_path / "one.nc")
    assert "the mean of all cells of the truth" in found["climatology"]
    assert _broken(found) == set()
    assert _broken(_evaluate(capsys, tmp_path / "one.nc", tmp_path / "one.nc")) == set()


def test_a_baseline_of_other_times_is_refused(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with xr.open_dataset(files["blur"], engine="h5netcdf") as dataset:
        dataset.isel(time=slice(0, 50)).to_netcdf(tmp_path / "half.nc", engine="h5netcdf")
    arguments = [str(files["noisy"]), str(files["truth"]), "--baseline", str(tmp_path / "half.nc")]
    assert main(["evaluate", *arguments]) == 2
    assert "lacks 82 of the 132 frames the forecast is compared on" in capsys.readouterr().err


def test_the_table_says_what_is_wrong_in_words(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(files["noisy"]), str(files["truth"])]) == 0
    shown = capsys.readouterr().out
    assert "BROKEN  neighbouring cells jump as in noise or a checkerboard" in shown
    assert "guards relative to a baseline: give one with --baseline" in shown
