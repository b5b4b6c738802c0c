"""``fieldsharp.evaluate`` has the numbers of the command on files of the same contents."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import fieldsharp
from fieldsharp.sweep.command_line import main
from tests.fields.coordinates.forecasts import as_cfgrib, observed

TIMES = np.arange("2020-01-01", "2020-01-02", dtype="datetime64[h]").astype("datetime64[ns]")


def _field(seed: int, **attrs: Any) -> xr.DataArray:
    values = np.random.default_rng(seed).normal(280, 5, (24, 12, 14))
    values[:, :2, :3] = np.nan
    grid = {"lat": 50 + np.arange(12) / 2, "lon": np.arange(14) / 2}
    dims = ("time", "lat", "lon")
    array = xr.DataArray(values, dims=dims, coords={"time": TIMES, **grid}, name="t2m")
    array["lat"].attrs["units"], array["lon"].attrs["units"] = "degrees_north", "degrees_east"
    return array.assign_attrs(units="K", **attrs)


def _by_command(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    assert main(["evaluate", f"{folder}/f.nc", f"{folder}/t.nc", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def _written(folder: Path, **fields: xr.DataArray | xr.Dataset) -> None:
    for name, field in fields.items():
        field.to_netcdf(folder / f"{name}.nc", engine="h5netcdf")


def test_the_numbers_are_those_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forecast, truth = _field(1), _field(2)
    baseline = truth.copy(data=truth + 0.1 * (_field(3) - 280))  # much nearer to the truth
    _written(tmp_path, f=forecast, t=truth, b=baseline)
    options = ["--baseline", f"{tmp_path}/b.nc", "--per", "km", "--area-weights", "auto"]
    expected = _by_command(tmp_path, capsys, *options)

    found = fieldsharp.evaluate(
        forecast, truth.to_dataset(), baseline=tmp_path / "b.nc", per="km", area_weights="auto"
    )

    assert json.loads(json.dumps(found.as_json())) == expected
    assert found.metrics["rmse"] == expected["rmse"]
    assert {name: guard.ok for name, guard in found.guards.items()} == {
        name: guard["ok"] for name, guard in expected["guards"].items()
    }
    assert found.broken
    assert not found.ok


def test_leads_have_rows_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forecast, truth = as_cfgrib(), observed()
    _written(tmp_path, f=forecast, t=truth)
    expected = _by_command(tmp_path, capsys)

    found = fieldsharp.evaluate(forecast, truth)

    assert json.loads(json.dumps(found.as_json())) == expected
    table = found.to_dataframe()
    assert list(table.index) == [("all", ""), ("lead", "6 h"), ("lead", "12 h"), ("lead", "18 h")]
    assert table.loc[("lead", "12 h"), "rmse"] == expected["by_lead"][1]["rmse"]


def test_values_are_taken_as_they_are_whatever_file_they_came_from(tmp_path: Path) -> None:
    """Written in the packing of its file, a changed field would be rounded."""
    packed = {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -9999}
    _field(1).to_netcdf(tmp_path / "p.nc", engine="h5netcdf", encoding={"t2m": packed})
    with xr.open_dataset(tmp_path / "p.nc", engine="h5netcdf") as dataset:
        opened = dataset["t2m"].load()
    before = opened.copy(deep=True)

    found = fieldsharp.evaluate(opened + 0.01, opened)
    kept = (opened.encoding.copy(), opened.attrs.copy())
    changed = opened.copy(data=opened.values + 0.01)  # keeps the packing

    assert found.metrics["bias"] == pytest.approx(0.01, rel=1e-5)
    assert fieldsharp.evaluate(changed, opened).metrics["bias"] == pytest.approx(0.01, rel=1e-5)
    assert (opened.encoding, opened.attrs) == kept
    xr.testing.assert_identical(opened, before)


def test_arrays_are_paired_frame_by_frame() -> None:
    forecast, truth = _field(1).values, _field(2).values
    error = np.sqrt(np.nanmean((forecast - truth) ** 2))
    assert fieldsharp.evaluate(forecast, truth).metrics["rmse"] == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([[1.0]], "forecast must be an xarray DataArray"),
        (_field(1).isel(lat=slice(0, 5)), "the forecast has a grid of 5 x 14 cells"),
        (np.array([{}]), "forecast cannot be written"),
        ("missing.nc", "missing.nc"),
        (xr.Dataset({"a": _field(1), "b": _field(2)}), "forecast holds 2 variables"),
    ],
)
def test_what_cannot_be_used_is_said_by_the_argument(given: Any, said: str) -> None:
    with pytest.raises(fieldsharp.FieldsharpError, match=said) as raised:
        fieldsharp.evaluate(given, _field(2))
    assert "/tmp" not in str(raised.value)  # noqa: S108 - of no use to a person


def test_a_notebook_shows_it_escaped() -> None:
    found = fieldsharp.evaluate(_field(1).rename("<b>"), _field(2).rename("<b>"))
    html = found._repr_html_()
    assert "&lt;b&gt; [K]: 24 frames" in html
    assert "<b>" not in html
    assert repr(found).startswith("<evaluation of <b>, 24 frames: gradient ")
