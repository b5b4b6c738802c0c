"""Undeclared fill values are refused, and each way out that the refusal names works."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.config_file import load_config


def _write(path: Path, mark: float, dtype: str = "f4") -> tuple[Path, float]:
    """Write a forecast and a truth with a mark in some cells; return the RMSE of the others."""
    rng = np.random.default_rng(0)
    truth = 280 + rng.normal(size=(30, 8, 9))
    pred = truth + 0.5 * rng.normal(size=truth.shape)
    rmse = float(np.sqrt(np.mean((pred - truth)[:, 2:] ** 2)))
    truth[:, :2] = mark
    pred[:, :2] = mark
    for name, values in (("truth", truth.astype(dtype)), ("pred", pred.astype(dtype))):
        target = path.with_stem(name)
        if path.suffix == ".npy":
            np.save(target, values)
        else:
            data = xr.Dataset({"v": (("time", "y", "x"), values)})
            data.to_netcdf(target, engine="h5netcdf", encoding={"v": {"_FillValue": None}})
    return path.with_stem("truth"), rmse


def _data(overrides: list[str]) -> DataSettings:
    """Return the settings of the data as ``start`` and ``check`` take them from --set."""
    data = load_config(PROJECT / "configs" / "quickstart.yaml", overrides).config.data
    assert isinstance(data, DataSettings)
    return data


@pytest.mark.parametrize(
    ("suffix", "mark", "dtype"),
    [(".nc", -9999, "f4"), (".npy", 1e20, "f4"), (".npy", -99.9, "f8"), (".nc", -99.9, "f4")],
)
def test_each_way_out_of_a_refused_fill_value_works(
    suffix: str, mark: float, dtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, rmse = _write(tmp_path / f"v{suffix}", mark, dtype)
    files = [str(truth.with_stem("pred")), str(truth)]

    assert main(["evaluate", *files]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert f"holds {mark:.7g} 540 times, in 18 of 72 cells, which looks like" in message
    asked = re.findall(r"\(evaluate: ([^)]*)\)", message)
    assert len(asked) == 2
    assert main(["evaluate", *files, *shlex.split(asked[0]), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rmse"] == pytest.approx(rmse, rel=1e-4)
    assert found["cells"] == 54
    assert main(["evaluate", *files, *shlex.split(asked[1]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cells"] == 72

    of_file = [f"data.path={truth}", f"data.variable={'v' if suffix == '.nc' else 'truth'}"]
    with pytest.raises(DataError, match="looks like a fill value"):
        read_series(_data(of_file))
    missing, allowed = re.findall(r"--set (data\.[^ ,]*)", message)
    assert read_series(_data([*of_file, missing])).mask_HW.sum() == 54
    assert read_series(_data([*of_file, allowed])).mask_HW.all()


def test_a_single_missing_value_needs_no_brackets(tmp_path: Path) -> None:
    truth, _ = _write(tmp_path / "v.npy", -9999)
    data = _data([f"data.path={truth}", "data.variable=truth", "data.missing_values=-9999"])
    assert data.missing_values == (-9999.0,)
    assert read_series(data).mask_HW.sum() == 54
