"""Windows with further inputs, each channel checked against xarray and NumPy by hand."""

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import xarray as xr
from pydantic import ValidationError

from data.weather import WeatherSettings, simulate
from fieldsharp.core.errors import DataError
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.settings import DataSettings

FRAMES = 200
ALL = {
    "inputs": ("u10", "v10", "t2m"),
    "predict": ("t2m",),
    "static": ("z", "lsm"),
    "forcings": ("hour_of_day", "v100"),
}


@pytest.fixture(scope="module")
def simulated() -> xr.Dataset:
    dataset = simulate(WeatherSettings(frames=FRAMES, size=16, seed=1))
    return dataset.assign(v100=1.5 * dataset["v10"] + 1.0)


@pytest.fixture
def weather(simulated: xr.Dataset) -> xr.Dataset:
    return simulated.copy(deep=True)


def saved(dataset: xr.Dataset, folder: Path, **settings: Any) -> DataSettings:
    path = folder / "weather.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    return DataSettings(path=str(path), **settings)


def unit(values: npt.NDArray[Any], train: range) -> npt.NDArray[np.float32]:
    """Scale by hand to the range of the training frames, in single precision."""
    inside = values[train.start : train.stop].astype(np.float64)
    scaled = (values - inside.min()) / (inside.max() - inside.min())
    return np.asarray(scaled, np.float32)


def test_a_history_has_every_input_and_a_future_what_is_predicted(
    weather: xr.Dataset, tmp_path: Path
) -> None:
    settings = saved(weather, tmp_path, **ALL, history=3, horizon=2, stride=2)

    data = load_forecast_data(settings)

    history, future = data.train.take(torch.tensor([4]))
    start = int(data.train.starts_B[4])
    train = data.split.train
    fields = {str(name): unit(weather[name].to_numpy(), train) for name in weather.data_vars}
    for name in ("z", "lsm"):
        fields[name] = unit(weather[name].to_numpy(), range(16))
    at = start + 2 * np.arange(5)
    hours = weather["valid_time"].dt.hour.to_numpy()[at] / 24
    turn = {
        "sin": 0.5 + 0.5 * np.sin(2 * np.pi * hours),
        "cos": 0.5 + 0.5 * np.cos(2 * np.pi * hours),
    }
    ahead = slice(2, 5)  # 2 frames after each of the history, those of both leads among them
    expected: list[npt.NDArray[Any]] = [
        fields["t2m"][at][:3],
        fields["u10"][at][:3],
        fields["v10"][at][:3],
        np.broadcast_to(fields["z"], (3, 16, 16)),
        np.broadcast_to(fields["lsm"], (3, 16, 16)),
        np.broadcast_to(turn["sin"][ahead, None, None], (3, 16, 16)),
        np.broadcast_to(turn["cos"][ahead, None, None], (3, 16, 16)),
        fields["v100"][at][ahead],
    ]
    np.testing.assert_allclose(history[0].numpy(), np.stack(expected, axis=1), atol=2e-6)
    np.testing.assert_allclose(future[0, :, 0].numpy(), fields["t2m"][at][3:], atol=2e-6)
    assert data.input_channels == history.shape[2] == 8
    assert data.channels == future.shape[2] == 1
    assert [one.name for one in data.inputs] == ["u10", "v10", "z", "lsm", "v100"]


@pytest.mark.parametrize(("history", "horizon"), [(1, 1), (1, 5), (2, 5), (5, 2), (3, 3), (4, 6)])
def test_every_lead_of_a_forcing_is_in_the_history(
    weather: xr.Dataset, tmp_path: Path, history: int, horizon: int
) -> None:
    numbers = np.arange(FRAMES, dtype=np.float32)[:, None, None] + np.zeros((16, 16), np.float32)
    dims = ("valid_time", "latitude", "longitude")
    settings = saved(
        weather.assign(frame=(dims, numbers)),
        tmp_path,
        predict=("t2m",),
        forcings=("frame",),
        history=history,
        horizon=horizon,
    )

    data = load_forecast_data(settings)

    given, _ = data.test.take(torch.tensor([0]))
    scale = data.inputs[0].scaling
    frames = scale.to_physical(given[0, :, 1:, 0, 0]).round().int()
    first_lead = int(data.test.starts_B[0]) + history
    assert given.shape[2] == 1 + math.ceil(horizon / history)
    assert set(range(first_lead, first_lead + horizon)) <= set(frames.flatten().tolist())
    assert int(frames.max()) == first_lead + horizon - 1


def test_one_variable_is_given_as_before(weather: xr.Dataset, tmp_path: Path) -> None:
    named = load_forecast_data(saved(weather, tmp_path, predict=("t2m",)))
    before = load_forecast_data(saved(weather, tmp_path, variable="t2m"))

    for part in ("train", "validation", "test"):
        windows, same = getattr(named, part), getattr(before, part)
        every = torch.arange(len(windows))
        assert torch.equal(windows.starts_B, same.starts_B)
        assert all(
            torch.equal(a, b) for a, b in zip(windows.take(every), same.take(every), strict=True)
        )
    assert named.input_channels == 1


def test_only_times_that_all_variables_have_are_used(
    weather: xr.Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    later = weather[["t2m"]].isel(valid_time=slice(5, None)).rename(valid_time="time")
    settings = saved(
        weather[["u10"]].merge(later), tmp_path, inputs=("t2m", "u10"), predict=("t2m",)
    )
    with caplog.at_level(logging.INFO):
        data = load_forecast_data(settings)

    assert "195 of 200 times are in all variables and are used" in caplog.text
    assert data.series.time[0] == weather["valid_time"].values[5]
    history, _ = data.train.take(torch.tensor([0]))
    wind = data.inputs[0].scaling.to_physical(history[0, 0, 1])
    np.testing.assert_allclose(wind, weather["u10"][5], atol=1e-4)


def test_a_gap_in_any_input_leaves_its_windows_out(weather: xr.Dataset, tmp_path: Path) -> None:
    holed = weather.copy(deep=True)
    holed["u10"][20] = np.nan
    settings = saved(holed, tmp_path, inputs=("t2m", "u10"), predict=("t2m",), history=2, horizon=1)

    data = load_forecast_data(settings)

    assert not set(data.train.starts_B.tolist()) & {18, 19, 20}
    assert {17, 21} <= set(data.train.starts_B.tolist())


def test_rows_in_another_order_are_brought_to_that_of_the_first(
    weather: xr.Dataset, tmp_path: Path
) -> None:
    turned = weather[["u10", "z"]].isel(latitude=slice(None, None, -1))
    turned = turned.rename(latitude="lat")
    settings = saved(
        weather[["t2m"]].merge(turned),
        tmp_path,
        inputs=("t2m", "u10"),
        predict=("t2m",),
        static=("z",),
    )
    history, _ = load_forecast_data(settings).train.take(torch.tensor([7]))

    straight = saved(weather, tmp_path, inputs=("t2m", "u10"), predict=("t2m",), static=("z",))
    expected, _ = load_forecast_data(straight).train.take(torch.tensor([7]))
    assert torch.equal(history, expected)


def test_levels_of_a_variable_are_inputs_of_their_own(weather: xr.Dataset, tmp_path: Path) -> None:
    levels = xr.concat([weather["t2m"] - 10, weather["t2m"] + 5], "level").assign_coords(
        level=[500, 850]
    )
    dataset = weather.assign(t=levels)
    settings = saved(
        dataset, tmp_path, inputs=("t2m", "t@level=850", "t@level=500"), predict=("t2m",)
    )

    data = load_forecast_data(settings)

    history, _ = data.train.take(torch.tensor([3]))
    assert [one.name for one in data.inputs] == ["t@level=850", "t@level=500"]
    for channel, level in ((1, 850), (2, 500)):
        expected = dataset["t"].sel(level=level)[int(data.train.starts_B[3])]
        found = data.inputs[channel - 1].scaling.to_physical(history[0, 0, channel])
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_errors_on_levels_advise_works(weather: xr.Dataset, tmp_path: Path) -> None:
    levels = xr.concat([weather["t2m"] - 10, weather["t2m"] + 5], "level").assign_coords(
        level=[500, 850]
    )
    settings = saved(weather.assign(t=levels), tmp_path, inputs=("t2m", "t"), predict=("t2m",))
    with pytest.raises(DataError, match=r"t@level=500"):
        load_forecast_data(settings)
    load_forecast_data(settings.model_copy(update={"inputs": ("t2m", "t@level=500")}))

    with pytest.raises(DataError, match=r"leave it out there, .* such as t@level=850$"):
        load_forecast_data(settings.model_copy(update={"select": {"level": 500}}))


def test_another_grid_is_refused(weather: xr.Dataset, tmp_path: Path) -> None:
    other = weather[["u10"]].assign_coords(latitude=weather["latitude"] + 10.0)
    other = other.rename(latitude="lat")
    settings = saved(
        weather[["t2m"]].merge(other), tmp_path, inputs=("t2m", "u10"), predict=("t2m",)
    )
    with pytest.raises(DataError, match="variable 'u10' and variable 't2m' differ in their coord"):
        load_forecast_data(settings)


def test_a_static_field_that_says_nothing_is_refused(weather: xr.Dataset, tmp_path: Path) -> None:
    settings = saved(
        weather.assign(lsm=weather["lsm"] * 0 + 1), tmp_path, variable="t2m", static="lsm"
    )
    with pytest.raises(DataError, match=r"data\.static names lsm, which is 1 everywhere"):
        load_forecast_data(settings)


def test_fluxes_of_the_middle_of_hours_are_to_be_brought_to_the_times_of_others(
    weather: xr.Dataset, tmp_path: Path
) -> None:
    between = weather["valid_time"] + np.timedelta64(30, "m")
    weather[["t2m"]].to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    fluxes = weather[["u10"]].assign_coords(valid_time=between)
    fluxes.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    settings = DataSettings(path=str(tmp_path / "*.nc"), inputs=("t2m", "u10"), predict=("t2m",))

    with pytest.raises(DataError, match=r"no time in common: .*; bring one to the times of the"):
        load_forecast_data(settings)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (
            {"variable": "t2m", "inputs": ["t2m", "u10"], "predict": ["t2m"]},
            "data.variable is t2m, and data.inputs names variables too; leave data.variable out",
        ),
        (
            {"inputs": ["t2m", "u10"]},
            "nothing says which of them are predicted; give data.predict too, such as "
            "data.predict=t2m",
        ),
        (
            {"inputs": ["u10", "v10"], "predict": ["t2m"]},
            r"data.predict names t2m, which is none of data.inputs \(u10, v10\)",
        ),
        (
            {"predict": ["t2m"], "static": ["t2m"]},
            "data.static names t2m, which data.predict names already",
        ),
        (
            {"predict": ["t@level=500", "t@level=850"]},
            "data.predict names t at several selections or in several groups, and forecasts are "
            "told apart by the name",
        ),
        (
            {"predict": ["forecast/t2m", "analysis/t2m"]},
            "data.predict names t2m at several selections or in several groups",
        ),
        (
            {"inputs": "t2m,u10", "predict": ["t2m"]},
            r"data.inputs names 't2m,u10'; give several names in brackets, as "
            r"data.inputs=\[t2m,u10\]",
        ),
        ({"static": "(z, lsm)"}, r"give several names in brackets, as data.static=\[z,lsm\]"),
        ({"inputs": None}, r"a name or a list of names, found null; give \[\] for none"),
        ({"inputs": ["t2m", True]}, "a name or a list of names, found true; where text is meant"),
        ({"inputs": {"t2m": "K"}}, r"a name or a list of names, found \{'t2m': 'K'\}"),
        (
            {"predict": ["t@850"]},
            "data.predict names 't@850'; give the name of a variable, or with what is selected of "
            "it alone, such as t@level=850",
        ),
        ({"predict": ["t2m", "t2m"]}, "data.predict names t2m, which data.predict names already"),
        (
            {"inputs": ["t2m", "u10"], "predict": ["t2m", "t2m"]},
            "data.predict names t2m, which data.predict names already",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        DataSettings(path="weather.nc", **settings)
