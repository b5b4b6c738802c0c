"""Forecasts from a run folder."""

import logging
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.fields.writing import write_netcdf
from fieldsharp.sweep.results.field_metadata import FieldMetadata, read_field_metadata
from fieldsharp.sweep.results.forecast_times import frame_at
from fieldsharp.sweep.results.prediction import forecast, forecast_variables, steps_of_days
from fieldsharp.sweep.results.run_folder import TrainedRun, coordinates
from tests.held_frames import held_frames

LAST = np.datetime64("2020-01-07T05:00:00", "ns")  # 150 hourly frames from 2020-01-01


def _copy(source: Path, target: Path, change: dict[str, slice]) -> Path:
    with xr.open_dataset(source, engine="h5netcdf") as dataset:
        dataset.isel(change).to_netcdf(target, engine="h5netcdf")
    return target


def test_a_written_forecast_has_the_inputs_variable_units_and_coordinates(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    write_netcdf(forecast(trained, 3), tmp_path / "f.nc")
    with (
        xr.open_dataset(plume_file, engine="h5netcdf") as truth,
        xr.open_dataset(tmp_path / "f.nc", engine="h5netcdf") as found,
    ):
        assert list(found.data_vars) == ["plume"]
        assert found["plume"].dims == ("time", "y", "x")
        assert found["plume"].attrs["units"] == "ug m-3"
        assert found["plume"].attrs["long_name"] == truth["plume"].attrs["long_name"]
        xr.testing.assert_identical(found["y"], truth["y"])
        xr.testing.assert_identical(found["x"], truth["x"])
        hours = [2, 4, 6]
        expected = [LAST + np.timedelta64(hour, "h") for hour in hours]
        assert found["time"].values.tolist() == np.array(expected).tolist()
        sea = np.isnan(truth["plume"].values[0])
        assert sea.any()
        assert (np.isnan(found["plume"].values) == sea).all()


def test_a_forecast_after_a_time_is_the_nets_own_from_that_history(trained: TrainedRun) -> None:
    data = load_forecast_data(trained.run.data)
    with torch.no_grad():
        history, _ = data.validation.take(torch.tensor([3]))
        expected = data.scaling.to_physical(trained.predictor(history))[0]
    start = int(data.validation.starts_B[3])
    last_known = data.series.time[start + 2]  # history 2, stride 2
    found = forecast(trained, 2, after=str(last_known))
    mask = data.series.mask_HW
    np.testing.assert_allclose(found.values_TCHW[..., mask], expected.numpy()[..., mask], rtol=1e-6)
    assert found.time[0] == last_known + np.timedelta64(2, "h")


def test_beyond_its_horizon_the_net_is_fed_its_own_forecast(trained: TrainedRun) -> None:
    """Horizon and history are 2 frames: the second pair is forecast from the first."""
    data = load_forecast_data(trained.run.data)
    frames = held_frames(data.train)[[-3, -1]][None]
    with torch.no_grad():
        first = trained.predictor(frames)
        fill = data.scaling.to_unit(torch.tensor(data.scaling.fill))
        second = trained.predictor(torch.where(data.mask_HW, first, fill.float()))
    expected = data.scaling.to_physical(torch.cat([first, second], dim=1))[0, :3]
    found = forecast(trained, 3)
    mask = data.series.mask_HW
    np.testing.assert_allclose(found.values_TCHW[..., mask], expected.numpy()[..., mask], rtol=1e-6)
    assert len(found.time) == 3


def test_a_longer_forecast_begins_with_the_shorter(trained: TrainedRun) -> None:
    np.testing.assert_array_equal(
        forecast(trained, 5).values_TCHW[:2], forecast(trained, 2).values_TCHW
    )


def test_days_are_as_many_steps_as_the_stride_makes(trained: TrainedRun) -> None:
    assert steps_of_days(trained, 1) == 12
    assert steps_of_days(trained, 2) == 24


def test_days_are_counted_on_the_data_that_is_forecast(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    every_third = _copy(plume_file, tmp_path / "three_hourly.nc", {"time": slice(None, None, 3)})
    assert steps_of_days(trained, 1, str(every_third)) == 4


def test_days_that_frames_do_not_divide_are_refused(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    every_fifth = _copy(plume_file, tmp_path / "five_hourly.nc", {"time": slice(None, None, 5)})
    with pytest.raises(ConfigError, match="a time between frames that divides a day, found 10 h"):
        steps_of_days(trained, 1, str(every_fifth))


def test_days_of_monthly_data_are_refused(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        months = xr.date_range("2001-01-01", periods=source.sizes["time"], freq="MS")
        source.assign_coords(time=months).to_netcdf(tmp_path / "months.nc", engine="h5netcdf")
    with pytest.raises(ConfigError, match="divides a day, found 2 months; use --steps"):
        steps_of_days(trained, 1, str(tmp_path / "months.nc"))
    with pytest.raises(ConfigError, match=r"has 1 month between frames .* trained on 3600 s"):
        forecast(trained, 1, str(tmp_path / "months.nc"))


def test_other_data_of_the_same_grid_can_be_forecast(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    shorter = _copy(plume_file, tmp_path / "shorter.nc", {"time": slice(0, 60)})
    found = forecast(trained, 2, data_path=str(shorter))
    after = forecast(trained, 2, after="2020-01-03T11:00")
    np.testing.assert_array_equal(found.time, after.time)
    np.testing.assert_array_equal(found.values_TCHW, after.values_TCHW)


def test_another_grid_is_refused(trained: TrainedRun, plume_file: Path, tmp_path: Path) -> None:
    part = _copy(plume_file, tmp_path / "part.nc", {"x": slice(0, 20)})
    with pytest.raises(ConfigError, match=r"a grid of 24 x 20 cells .* on 24 x 24; give data on"):
        forecast(trained, 2, data_path=str(part))


@pytest.mark.parametrize(
    "after",
    ["2020-01-03T11Z", "2020-01-03T11:00+00:00", "2020-01-03T13+02", "2020-01-03 06:00-0500"],
)
def test_a_time_with_a_zone_is_converted_to_that_of_the_file(
    trained: TrainedRun, after: str
) -> None:
    expected = forecast(trained, 1, after="2020-01-03T11:00")
    found = forecast(trained, 1, after=after)
    np.testing.assert_array_equal(found.time, expected.time)
    np.testing.assert_array_equal(found.values_TCHW, expected.values_TCHW)


def test_a_time_of_another_calendar_is_found_with_its_zone() -> None:
    dates = xr.date_range("2000-03-01", periods=3, freq="h", calendar="noleap", use_cftime=True)
    time = np.asarray(dates)
    values = np.zeros((3, 1, 3, 3), dtype=np.float32)
    mask = np.ones((3, 3), dtype=np.bool_)
    series = FieldSeries(values, mask, time, "K", "v", np.zeros(3, np.float32))
    assert frame_at(series, "2000-03-01T01Z") == frame_at(series, "2000-03-01 01:00") == 1
    with pytest.raises(ConfigError, match="is no time of the data"):
        frame_at(series, "2000-03-01T01+02:00")


@pytest.mark.parametrize(
    ("after", "error", "said"),
    [
        ("2031-01-01", ConfigError, "is no time of the data, which runs from 2020-01-01T00"),
        ("tomorrow", ConfigError, "'tomorrow' is no time such as 2020-01-07T05"),
        ("2020-01-01T01:00", DataError, "choose a later time with --after"),
    ],
)
def test_a_time_that_cannot_be_forecast_from_is_refused(
    trained: TrainedRun, after: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        forecast(trained, 2, after=after)


def test_other_data_must_be_of_the_field_the_net_was_trained_on(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        data = source.load()
    cases = {
        "in other units": data.assign(plume=data["plume"].assign_attrs(units="mg kg-1")),
        "upside down": data.assign_coords(y=data["y"].values[::-1]),
        "daily": data.assign_coords(
            time=data["time"].values[0] + np.arange(data.sizes["time"]) * np.timedelta64(24, "h")
        ),
    }
    said = {
        "in other units": "is in 'mg kg-1'",
        "upside down": "in the other order along y; turn it with",
        "daily": "86400 s",
    }
    for name, changed in cases.items():
        path = tmp_path / f"{name.replace(' ', '-')}.nc"
        changed.to_netcdf(path, engine="h5netcdf")
        with pytest.raises(ConfigError, match=said[name]):
            forecast(trained, 1, str(path))


def test_other_data_in_other_units_is_converted_and_said(
    trained: TrainedRun, plume_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        data = source.load()
    milligrams = data.assign(plume=(data["plume"] / 1000).assign_attrs(units="mg m-3"))
    milligrams.to_netcdf(tmp_path / "mg.nc", engine="h5netcdf")
    with caplog.at_level("INFO"):
        found = forecast(trained, 2, str(tmp_path / "mg.nc"))
    expected = forecast(trained, 2)
    np.testing.assert_allclose(found.values_TCHW, expected.values_TCHW, rtol=1e-4)
    assert found.units == found.attrs["units"] == "ug m-3"
    assert "plume was converted from mg m-3 to ug m-3" in caplog.text


def test_data_turned_about_can_be_turned_by_the_command_of_the_error(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        data = source.load()
    turned = tmp_path / "turned about.nc"
    data.isel(y=slice(None, None, -1)).to_netcdf(turned, engine="h5netcdf")
    with pytest.raises(ConfigError, match="in the other order along y; turn it") as refused:
        forecast(trained, 1, str(turned))
    command, path = str(refused.value).split("turn it with  ")[1].split("  and give --data ")
    subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True, timeout=180)
    found, expected = forecast(trained, 1, shlex.split(path)[0]), forecast(trained, 1)
    np.testing.assert_array_equal(found.values_TCHW, expected.values_TCHW)


def test_files_of_a_pattern_turned_about_can_be_turned_by_the_command_of_the_error(
    trained: TrainedRun, plume_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = tmp_path / "in parts"
    parts.mkdir()
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        data = source.load().isel(y=slice(None, None, -1))
    for number, part in enumerate((slice(0, 90), slice(90, None))):
        data.isel(time=part).to_netcdf(parts / f"{number}.nc", engine="h5netcdf")
    with pytest.raises(ConfigError, match="in the other order along y; turn it") as refused:
        forecast(trained, 1, str(parts / "*.nc"))
    command, path = str(refused.value).split("turn it with  ")[1].split("  and give --data ")
    subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True, timeout=180)

    found, expected = forecast(trained, 1, shlex.split(path)[0]), forecast(trained, 1)

    np.testing.assert_array_equal(found.values_TCHW, expected.values_TCHW)


def test_a_curved_grid_is_that_of_the_training_or_refused(
    trained: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        data = source.load().drop_vars(["y", "x"])
    sizes = (data.sizes["y"], data.sizes["x"])
    rows, columns = np.meshgrid(*(np.arange(float(size)) for size in sizes), indexing="ij")
    lat, lon = 50 + 0.1 * rows + 0.01 * columns, 0.1 * columns - 0.02 * rows
    curved = data.assign_coords(XLAT=(("y", "x"), lat), XLONG=(("y", "x"), lon))
    curved.to_netcdf(tmp_path / "curved.nc", engine="h5netcdf")
    series = read_series(DataSettings(path=str(tmp_path / "curved.nc")))
    text = FieldMetadata(
        scaling=trained.scaling,
        shape=trained.shape,
        units=trained.units,
        step_s=trained.step_s,
        is_dated=True,
        coordinates=coordinates(series),
    ).as_text()
    (tmp_path / "field.json").write_text(text)
    facts = read_field_metadata(tmp_path / "field.json", trained.run.data)
    np.testing.assert_allclose(facts.coordinates["XLAT"], lat, rtol=1e-6)
    run = replace(trained, coordinates=facts.coordinates)
    assert forecast(run, 1, str(tmp_path / "curved.nc")).values_TCHW.shape[0] == 1
    curved.isel(y=slice(None, None, -1)).to_netcdf(tmp_path / "flip.nc", engine="h5netcdf")
    with pytest.raises(ConfigError, match="in the other order along y"):
        forecast(run, 1, str(tmp_path / "flip.nc"))
    curved.assign_coords(XLAT=curved["XLAT"] + 0.01).to_netcdf(tmp_path / "s.nc", engine="h5netcdf")
    with pytest.raises(ConfigError, match="data and training differ in their coordinate 'XLAT'"):
        forecast(run, 1, str(tmp_path / "s.nc"))
    (tmp_path / "field.json").write_text(text.replace("[[", "[[1.0, ", 1))
    with pytest.raises(ValueError, match="shape"):
        read_field_metadata(tmp_path / "field.json", trained.run.data)


def test_a_forecast_from_stored_data_is_that_from_data_in_memory(
    trained: TrainedRun, tmp_path: Path
) -> None:
    store = SeriesStore(tmp_path / "store", lambda: "a", above_mb=0)

    assert steps_of_days(trained, 1, store=store) == steps_of_days(trained, 1)
    (found,) = forecast_variables(trained, 3, store=store)

    expected = forecast(trained, 3)
    assert len(store.made) == 1, "it is made once for both"
    np.testing.assert_array_equal(found.values_TCHW, expected.values_TCHW)
    np.testing.assert_array_equal(found.time, expected.time)


def test_cells_that_the_training_never_knew_are_left_out(
    trained: TrainedRun, plume_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        whole = source.load()
    sea_HW = np.isnan(whole["plume"].values[0])
    assert 0 < sea_HW.sum() < sea_HW.size
    filled = whole.assign(plume=whole["plume"].fillna(300.0))  # far from anything trained on
    filled.to_netcdf(tmp_path / "filled.nc", engine="h5netcdf")

    with caplog.at_level(logging.INFO):
        found = forecast(trained, 3, str(tmp_path / "filled.nc"))

    np.testing.assert_array_equal(found.mask_HW, ~sea_HW)
    np.testing.assert_array_equal(found.values_TCHW, forecast(trained, 3).values_TCHW)
    assert (
        f"plume has {sea_HW.sum()} cells with values that had none in the training" in caplog.text
    )
    whole.assign(
        plume=whole["plume"].where(False, 1.0).where(xr.DataArray(sea_HW, dims=("y", "x")))
    ).to_netcdf(tmp_path / "sea.nc", engine="h5netcdf")
    with pytest.raises(ConfigError, match=r"no value in any of the \d+ cells that the predictor"):
        forecast(trained, 1, str(tmp_path / "sea.nc"))


def test_a_run_folder_of_an_earlier_version_takes_the_cells_of_the_data(
    trained: TrainedRun, plume_file: Path
) -> None:
    earlier = replace(trained, masks=())
    np.testing.assert_array_equal(
        forecast(earlier, 3).values_TCHW, forecast(trained, 3).values_TCHW
    )
