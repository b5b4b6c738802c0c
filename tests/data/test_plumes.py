from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from data.plumes import PlumeSettings, main, simulate
from fieldsharp.core.checkout import PROJECT

SHORT = PlumeSettings(frames=12, size=32, seed=7)


def values_of(settings: PlumeSettings) -> NDArray[np.float32]:
    values: NDArray[np.float32] = simulate(settings)["plume"].to_numpy()
    return values


@pytest.fixture(scope="module")
def default_TYX() -> NDArray[np.float32]:
    return values_of(PlumeSettings())


@pytest.fixture(scope="module")
def land_YX(default_TYX: NDArray[np.float32]) -> NDArray[np.bool_]:
    land: NDArray[np.bool_] = np.isfinite(default_TYX[0])
    return land


def persistence_correlation(
    plume_TYX: NDArray[np.float32], land_YX: NDArray[np.bool_], lead: int
) -> float:
    now = plume_TYX[:-lead, land_YX].ravel()
    later = plume_TYX[lead:, land_YX].ravel()
    return float(np.corrcoef(now, later)[0, 1])


def test_mean_sobel_gradient_over_land_is_near_three(
    default_TYX: NDArray[np.float32], land_YX: NDArray[np.bool_]
) -> None:
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    g_x = ndimage.correlate(default_TYX.astype(float), kernel[None])
    g_y = ndimage.correlate(default_TYX.astype(float), kernel.T[None])
    interior_YX = ndimage.binary_erosion(land_YX, np.ones((3, 3)), border_value=0)

    gradient = np.hypot(g_x, g_y)[:, interior_YX].mean()

    assert 2.9 <= gradient <= 3.4


def test_mean_peak_over_land_is_near_145(
    default_TYX: NDArray[np.float32], land_YX: NDArray[np.bool_]
) -> None:
    peak = default_TYX[:, land_YX].max(axis=1).mean()

    assert 138 <= peak <= 152


def test_persistence_loses_its_skill_slowly_but_surely(
    default_TYX: NDArray[np.float32], land_YX: NDArray[np.bool_]
) -> None:
    one, three, six = (persistence_correlation(default_TYX, land_YX, lead) for lead in (1, 3, 6))

    assert one > three > six
    assert 0.5 <= six <= 0.8


def test_sea_covers_the_asked_share_and_keeps_its_place(
    default_TYX: NDArray[np.float32], land_YX: NDArray[np.bool_]
) -> None:
    assert (~land_YX).mean() == PlumeSettings().sea_share
    np.testing.assert_array_equal(
        np.isfinite(default_TYX), np.broadcast_to(land_YX, default_TYX.shape)
    )


def test_without_sea_no_cell_is_missing() -> None:
    assert np.isfinite(values_of(replace(SHORT, sea_share=0.0))).all()


def test_same_seed_gives_the_same_bytes() -> None:
    assert values_of(SHORT).tobytes() == values_of(SHORT).tobytes()


def test_another_seed_gives_other_plumes_and_another_coast() -> None:
    one, other = values_of(SHORT), values_of(replace(SHORT, seed=8))

    both = np.isfinite(one) & np.isfinite(other)
    assert (np.isnan(one) != np.isnan(other)).any()
    assert not np.array_equal(one[both], other[both])


def test_longer_run_begins_with_the_shorter_one() -> None:
    longer = values_of(replace(SHORT, frames=20))

    np.testing.assert_array_equal(longer[: SHORT.frames], values_of(SHORT))


def test_steady_wind_carries_the_plumes_one_cell_an_hour() -> None:
    steady = replace(
        SHORT, sea_share=0.0, mean_wind_x=1.0, mean_wind_y=-1.0, wind_spread=0.0, renewal_h=1e6
    )

    first, second = values_of(steady)[:2]

    moved = np.roll(first, shift=(-1, 1), axis=(0, 1))
    assert np.corrcoef(moved.ravel(), second.ravel())[0, 1] > 0.9999


@pytest.mark.parametrize("size", [16, 33])
def test_frames_and_size_are_honoured(size: int) -> None:
    dataset = simulate(PlumeSettings(frames=5, size=size))

    assert dict(dataset.sizes) == {"time": 5, "y": size, "x": size}
    assert dataset["plume"].dtype == np.float32


def test_dataset_describes_itself() -> None:
    dataset = simulate(SHORT)

    assert dataset["plume"].attrs["units"] == "ug m-3"
    assert dataset.attrs["seed"] == SHORT.seed
    assert dataset.attrs["wind_spread"] == SHORT.wind_spread
    hours = np.diff(dataset["time"].to_numpy()) / np.timedelta64(1, "h")
    assert dataset["time"].to_numpy()[0] == np.datetime64("2020-01-01T00")
    assert (hours == 1).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames", 0),
        ("frames", 2.5),
        ("frames", True),
        ("size", 15),
        ("seed", -1),
        ("sea_share", 1.0),
        ("scale", 0.0),
        ("log_spread", float("nan")),
        ("length_cells", "6"),
        ("wind_memory_h", float("inf")),
    ],
)
def test_bad_setting_is_refused_in_one_sentence(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must ") as refusal:
        PlumeSettings(**{name: value})  # type: ignore[arg-type]

    sentence = str(refusal.value)
    assert f"found {value!r}" in sentence
    assert "\n" not in sentence


def test_command_line_writes_a_file_that_xarray_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "plumes.nc"

    code = main(["-o", str(path), "--frames", "12", "--size", "32", "--seed", "7"])

    assert code == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["plumes.nc"]
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        xr.testing.assert_equal(dataset.load(), simulate(SHORT))
        assert dataset.attrs["seed"] == 7


def test_command_line_refuses_a_bad_size_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["-o", str(tmp_path / "plumes.nc"), "--size", "3"])

    assert stop.value.code == 2
    assert "size must lie in 16 to 2048, found 3" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_command_line_refuses_a_missing_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["-o", str(tmp_path / "missing" / "plumes.nc"), "--frames", "1"])

    assert stop.value.code == 2
    assert "create it first" in capsys.readouterr().err


def test_output_that_cannot_be_replaced_fails_and_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plumes.nc").mkdir()

    assert main(["-o", str(tmp_path / "plumes.nc"), "--frames", "1", "--size", "16"]) == 1

    assert "choose another place" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["plumes.nc"]


@pytest.mark.slow
def test_module_runs_from_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "plumes.nc"
    command = [sys.executable, "-m", "data.plumes", "-o", str(path), "--frames", "2"]

    subprocess.run(command, cwd=PROJECT, check=True)

    assert path.is_file()


def test_real_data_is_the_file_the_readme_describes() -> None:
    real = (PROJECT / "data" / "uk_wfde5_hourly_2018_jun_jul.nc").read_bytes()

    assert hashlib.sha256(real).hexdigest() in (PROJECT / "data" / "README.md").read_text()
