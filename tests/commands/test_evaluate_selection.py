"""Options of ``evaluate`` that choose a value of a dimension of the forecast or of the truth."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import xarray as xr

from fieldsharp.sweep.command_line import main
from tests.fields.coordinates.forecasts import as_cfgrib, observed


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A forecast of two levels, of which the second is 100 too high, and a perfect one below."""
    shift = xr.DataArray([0.0, 100.0], dims="level", coords={"level": [850, 500]})
    data = as_cfgrib().assign(t2m=as_cfgrib()["t2m"] + shift)
    data.to_netcdf(tmp_path / "forecast.nc", engine="h5netcdf")
    observed().to_netcdf(tmp_path / "truth.nc", engine="h5netcdf")
    return [str(tmp_path / "forecast.nc"), str(tmp_path / "truth.nc")]


def test_the_level_that_an_error_names_can_be_typed(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *files]) == 2
    advice = re.search(r"for example (--forecast-select .+)", capsys.readouterr().err)
    assert advice is not None
    assert main(["evaluate", *files, *shlex.split(advice[1]), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["rmse"] == pytest.approx(0.0, abs=1e-9)
    assert [one["lead"] for one in content["by_lead"]] == ["6 h", "12 h", "18 h"]
    of_other = ["--forecast-select", "level=500", "--forecast-select", "step=6 h", "--json"]
    assert main(["evaluate", *files, *of_other]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["rmse"] == pytest.approx(100.0)
    assert content["frames"] == 4
    assert "by_lead" not in content


def test_a_table_of_leads_is_printed(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *files, "--forecast-select", "level=500"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = next(i for i, line in enumerate(lines) if line.startswith("lead "))
    assert [line.split()[:3] for line in lines[table + 1 : table + 4]] == [
        ["6", "h", "4"],
        ["12", "h", "4"],
        ["18", "h", "4"],
    ]


def test_errors_name_the_option_and_both_names_of_one_are_refused(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    truth = [files[1], files[1]]
    for option in ("--truth-select", "--select"):
        assert main(["evaluate", *truth, option, "level=850"]) == 2
        assert "--truth-select names the dimension 'level'" in capsys.readouterr().err
    assert main(["evaluate", *truth, "--select", "a=1", "--truth-select", "a=1"]) == 2
    assert "the same option, and both are given" in capsys.readouterr().err
    assert main(["evaluate", *truth, "--forecast-select", "level"]) == 2
    assert "--forecast-select 'level' is no dimension=value" in capsys.readouterr().err
