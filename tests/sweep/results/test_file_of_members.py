"""The file of members that predict writes, and what Python returns."""

from __future__ import annotations

import json
from pathlib import Path

import cf_xarray  # noqa: F401  # registers the accessor ``.cf``
import numpy as np
import pytest
import xarray as xr
from scores.probability import crps_for_ensemble

import fieldsharp
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.results.members_asked import MembersAsked
from fieldsharp.sweep.results.prediction import forecast, forecast_of_length
from fieldsharp.sweep.results.run_folder import TrainedRun
from tests.sweep.results.members import LAST, SEED_OF_TRAINING, members_of


def test_the_whole_way_from_a_training_to_scores_of_the_file(
    ensemble_folder: Path, plume_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.nc"
    asked = ["--members", "6", "--seed", "3", "--steps", "5", "--after", "2020-01-05T23:00"]
    assert main(["predict", str(ensemble_folder), *asked, "-o", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["members"], said["seed"], said["frames"]) == (6, 3, 5)
    assert (said["first"], said["last"]) == ("2020-01-06T01:00", "2020-01-06T09:00")

    assert main(["evaluate", str(path), str(plume_file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["ensemble"]

    with (
        xr.open_dataset(path, engine="h5netcdf") as written,
        xr.open_dataset(plume_file, engine="h5netcdf") as truth,
    ):
        drawn, right = written["plume"].load(), truth["plume"].sel(time=written["time"]).load()
    crps = crps_for_ensemble(drawn, right, "realization", method="fair")
    assert found["crps"] == pytest.approx(float(crps.mean()), rel=1e-4)
    error = drawn.values.mean(axis=0) - right.values
    assert found["rmse_of_mean"] == pytest.approx(np.sqrt(np.nanmean(error**2)), rel=1e-4)
    assert (found["members"], found["windows"], found["left_out"]) == (6, 5, 0)

    turned = tmp_path / "turned.nc"
    drawn.transpose("time", "realization", "y", "x").to_netcdf(turned, engine="h5netcdf")
    assert main(["evaluate", str(turned), str(plume_file), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["ensemble"]
    assert again["crps"] == pytest.approx(found["crps"], rel=1e-6)


def test_xarray_opens_the_file_as_members_of_cf(
    ensemble_folder: Path, ensemble: TrainedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.nc"
    asked = ["--members", "4", "--seed", "3", "--steps", "5"]
    assert main(["predict", str(ensemble_folder), *asked, "-o", str(path)]) == 0
    assert capsys.readouterr().out == (
        "5 frames of plume, sharpened by quantile, of 4 members of seed 3 from 2020-01-07T07:00 to "
        f"2020-01-07T15:00 written to {path}\n"
    )
    with xr.open_dataset(path, engine="h5netcdf") as found:
        assert found["plume"].dims == ("realization", "time", "y", "x")
        assert found.cf.standard_names["realization"] == ["realization"]
        assert found["realization"].values.tolist() == [0, 1, 2, 3]
        assert found["realization"].dtype == np.int32
        assert list(found.data_vars) == ["plume"]
        assert (found.attrs["ensemble_members"], found.attrs["ensemble_seed"]) == (4, 3)
        assert found.attrs["seed"] == 1, "the data's own attribute"
        np.testing.assert_array_equal(
            np.nan_to_num(found["plume"].values), members_of(ensemble, members=4)
        )
        assert np.isnan(found["plume"].values).any(), "land has no value"
        xr.testing.assert_identical(
            fieldsharp.load(ensemble_folder).predict(5, members=4, seed=3), found.load()
        )


def test_a_file_of_one_member_has_no_dimension_of_members(
    ensemble_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.nc"
    assert main(["predict", str(ensemble_folder), "--steps", "2", "-o", str(path)]) == 0
    assert f"of member 0 of seed {SEED_OF_TRAINING} from" in capsys.readouterr().out
    with xr.open_dataset(path, engine="h5netcdf") as found:
        assert found["plume"].dims == ("time", "y", "x")
        assert "realization" not in found.variables
        drawn = found.attrs["ensemble_members"], found.attrs["ensemble_seed"]
    assert drawn == (1, SEED_OF_TRAINING)


def test_one_member_that_is_asked_for_has_it(trained: TrainedRun, ensemble: TrainedRun) -> None:
    for run in (trained, ensemble):
        found = forecast_of_length(run, 2, asked=MembersAsked(1))
        assert found["plume"].shape == (1, 2, 24, 24)
        np.testing.assert_array_equal(
            found["plume"].values[0], forecast_of_length(run, 2)["plume"].values
        )


def test_a_forecast_without_draws_says_nothing_of_members(
    run_folder: Path,
    trained: TrainedRun,
    ensemble: TrainedRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not even where its data are a forecast of members, and say so."""
    data = forecast_of_length(ensemble, 8)
    assert "ensemble_seed" in data.attrs
    hours = LAST + np.arange(1, 9) * np.timedelta64(1, "h")
    data.assign_coords(time=hours).to_netcdf(tmp_path / "data.nc", engine="h5netcdf")
    asked = ["--data", str(tmp_path / "data.nc"), "--steps", "2", "-o", str(tmp_path / "f.nc")]
    assert main(["predict", str(run_folder), *asked, "--json"]) == 0
    assert not {"members", "seed"} & json.loads(capsys.readouterr().out).keys()
    with xr.open_dataset(tmp_path / "f.nc", engine="h5netcdf") as found:
        assert not [name for name in found.attrs if name.startswith("ensemble")]
        assert found.attrs["source"].startswith("unet forecast from")
    assert "ensemble_seed" not in forecast(trained, 1).file_attrs
