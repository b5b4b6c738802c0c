"""Forecasts of a run that is given other variables, static fields and forcings."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
import yaml

from data.weather import WeatherSettings, simulate
from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.results.prediction import forecast, steps_of_days
from fieldsharp.sweep.results.run_folder import TrainedRun, load_run
from fieldsharp.sweep.results.train_run import train_into

CONFIG = """\
data:
  path: weather.nc
  inputs: [u10, v10, t2m]
  predict: [t2m]
  static: [z, lsm]
  forcings: [hour_of_day, solar_zenith, v100]
  history: 2
  horizon: 2
  train_every: 4
predictor: {name: unet, width: 4}
training: {epochs: 1, batch_size: 8, device: cpu, precision: float32}
sharpening: {name: none}
"""


@pytest.fixture(scope="module")
def weather() -> xr.Dataset:
    dataset = simulate(WeatherSettings(frames=160, size=16, seed=1))
    return dataset.assign(v100=1.5 * dataset["v10"] + 1.0)


@pytest.fixture(scope="module")
def with_inputs(weather: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    folder = tmp_path_factory.mktemp("weather")
    weather.to_netcdf(folder / "weather.nc", engine="h5netcdf")
    return trained_in(folder, CONFIG)


def trained_in(folder: Path, config: str) -> TrainedRun:
    (folder / "sweep.yaml").write_text(config)
    train_into(load_config(folder / "sweep.yaml", one_training=True), folder / "run")
    return load_run(folder / "run")


def its_own_forecast(trained: TrainedRun, window: int) -> tuple[np.datetime64, Any]:
    """Return the last known time of a test window, and what the net says of the next two frames."""
    data = load_forecast_data(trained.run.data)
    with torch.no_grad():
        history, _ = data.test.take(torch.tensor([window]))
        expected = data.to_physical(trained.predictor(history))[0]
    return data.series.time[int(data.test.starts_B[window]) + 1], expected.numpy()


def test_a_forecast_is_the_nets_own_from_all_its_inputs(with_inputs: TrainedRun) -> None:
    last_known, expected = its_own_forecast(with_inputs, 5)

    found = forecast(with_inputs, 2, after=str(last_known))

    assert found.name == "t2m"
    np.testing.assert_allclose(found.values_TCHW, expected, rtol=1e-6)
    assert found.time[0] == last_known + np.timedelta64(1, "h")


def test_a_folder_whose_inputs_are_in_another_order_is_refused(
    with_inputs: TrainedRun, tmp_path: Path
) -> None:
    trained = Path(str(with_inputs.run.data.path)).parent / "run"
    run = shutil.copytree(trained, tmp_path / "run")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["data"]["inputs"] = ["v10", "u10", "t2m"]
    (run / "config.yaml").write_text(yaml.safe_dump(config))

    with pytest.raises(ConfigError, match="it is of other variables than the configuration"):
        load_run(run)


def test_beyond_the_horizon_its_own_forecast_joins_what_is_known(with_inputs: TrainedRun) -> None:
    data = load_forecast_data(with_inputs.run.data)
    start = int(data.test.starts_B[5])
    starts = [start, start + 2, start + 4]
    with torch.no_grad():
        histories = [
            data.test.take(torch.tensor([data.test.starts_B.tolist().index(s)]))[0] for s in starts
        ]
        frames = with_inputs.predictor(histories[0])
        for history in histories[1:]:
            history[:, :, :1] = frames[:, -2:]
            frames = torch.cat([frames, with_inputs.predictor(history)], dim=1)
    last_known = data.series.time[start + 1]

    found = forecast(with_inputs, 5, after=str(last_known))

    expected = data.to_physical(frames)[0, :5].numpy()
    np.testing.assert_allclose(found.values_TCHW, expected, rtol=1e-6)


def test_forcings_beyond_the_data_are_named_as_missing(with_inputs: TrainedRun) -> None:
    with pytest.raises(DataError) as caught:
        forecast(with_inputs, 2)
    assert str(caught.value) == (
        "a forecast of this length needs v100, which is not predicted, up to 2020-01-07T17:00, and "
        "the data has no frame of it at 2020-01-07T16:00; choose an earlier time with --after, or "
        "give longer data with --data"
    )
    assert len(forecast(with_inputs, 2, after="2020-01-07T13:00").time) == 2


def test_inputs_beyond_the_horizon_are_named_as_missing(
    with_inputs: TrainedRun, weather: xr.Dataset, tmp_path: Path
) -> None:
    """Forcings may be known for longer than what is predicted, and inputs for shorter."""
    known = weather[["t2m", "u10", "v10"]].isel(valid_time=slice(100))
    ahead = weather[["v100", "z", "lsm"]].rename(valid_time="time")
    known.merge(ahead).to_netcdf(tmp_path / "now.nc", engine="h5netcdf")

    found = forecast(with_inputs, 2, str(tmp_path / "now.nc"))

    expected = forecast(with_inputs, 2, after="2020-01-05T03:00")
    np.testing.assert_array_equal(found.values_TCHW, expected.values_TCHW)
    with pytest.raises(DataError) as caught:
        forecast(with_inputs, 6, str(tmp_path / "now.nc"))
    assert str(caught.value) == (
        "a forecast of this length needs u10 and v10, which are not predicted, up to "
        "2020-01-05T07:00, and the data has no frame of them at 2020-01-05T04:00; give --steps 2, "
        "or choose an earlier time with --after, or give longer data with --data"
    )


def test_other_units_of_any_input_are_converted(
    with_inputs: TrainedRun, weather: xr.Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = weather.copy(deep=True)
    other["u10"] = (3.6 * other["u10"]).assign_attrs(units="km h**-1")
    other["t2m"] = (other["t2m"] - 273.15).assign_attrs(units="degC")
    other["z"] = (other["z"] / 1000).assign_attrs(units="kJ kg-1")
    other.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")

    with caplog.at_level(logging.INFO):
        found = forecast(with_inputs, 2, str(tmp_path / "other.nc"), after="2020-01-05")

    expected = forecast(with_inputs, 2, after="2020-01-05")
    assert found.units == "K"
    np.testing.assert_allclose(found.values_TCHW, expected.values_TCHW, atol=2e-3)
    converted = [line for line in caplog.messages if "the units of the training" in line]
    assert [line.split()[0] for line in converted] == ["t2m", "u10", "z"]


def test_static_fields_that_other_data_lacks_are_those_of_the_training(
    with_inputs: TrainedRun, weather: xr.Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weather.drop_vars(["z", "lsm"]).to_netcdf(tmp_path / "new.nc", engine="h5netcdf")

    with caplog.at_level(logging.INFO):
        found = forecast(with_inputs, 2, str(tmp_path / "new.nc"), after="2020-01-05")

    expected = forecast(with_inputs, 2, after="2020-01-05")
    np.testing.assert_array_equal(found.values_TCHW, expected.values_TCHW)
    assert [line.split(",")[0] for line in caplog.messages if "of the training" in line] == [
        "z is that of the training",
        "lsm is that of the training",
    ]


@pytest.fixture(scope="module")
def of_two_steps(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """Hourly temperature with 6-hourly wind is trained at every sixth hour."""
    folder = tmp_path_factory.mktemp("steps")
    dataset = simulate(WeatherSettings(frames=397, size=16, seed=1))
    dataset[["t2m", "z", "lsm"]].to_netcdf(folder / "hourly.nc", engine="h5netcdf")
    every_sixth = dataset[["u10", "v10"]].isel(valid_time=slice(0, None, 6))
    every_sixth.to_netcdf(folder / "6-hourly.nc", engine="h5netcdf")
    config = CONFIG.replace("weather.nc", '"*.nc"').replace(", v100", "")
    return trained_in(folder, config.replace("train_every: 4", "train_every: 2"))


def test_a_forecast_is_the_nets_own_at_the_step_of_the_training(of_two_steps: TrainedRun) -> None:
    last_known, expected = its_own_forecast(of_two_steps, 1)

    found = forecast(of_two_steps, 2, after=str(last_known))

    np.testing.assert_allclose(found.values_TCHW, expected, rtol=1e-6)
    hours = last_known + np.arange(6, 13, 6) * np.timedelta64(1, "h")
    np.testing.assert_array_equal(found.time, hours)


def test_the_last_frame_is_the_last_that_all_have_and_days_are_of_four_steps(
    of_two_steps: TrainedRun,
) -> None:
    found = forecast(of_two_steps, 1)

    assert str(found.time[0])[:16] == "2020-01-17T18:00"  # 396 hours from 1 January, and 6
    assert steps_of_days(of_two_steps, 1) == 4


def test_a_gap_in_an_input_of_the_history_is_refused(
    with_inputs: TrainedRun, weather: xr.Dataset, tmp_path: Path
) -> None:
    holed = weather.copy(deep=True)
    holed["v10"][80] = np.nan
    holed.to_netcdf(tmp_path / "holed.nc", engine="h5netcdf")
    after = str(weather["valid_time"].values[81])
    with pytest.raises(DataError, match="v10 has no frame at 2020-01-04T08:00, in the history of"):
        forecast(with_inputs, 2, str(tmp_path / "holed.nc"), after=after)
