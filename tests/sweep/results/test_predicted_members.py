"""Members of an ensemble forecast from a run folder, and the file of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cf_xarray  # noqa: F401  # registers the accessor ``.cf``
import numpy as np
import numpy.typing as npt
import pytest
import torch
import xarray as xr
from scores.probability import crps_for_ensemble

import fieldsharp
from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.initial_times import time_key
from fieldsharp.model.predictors.ensemble import Ensemble
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.results.members_asked import MembersAsked
from fieldsharp.sweep.results.prediction import (
    forecast,
    forecast_members,
    forecast_of_length,
    forecast_variables,
)
from fieldsharp.sweep.results.run_folder import TrainedRun, load_run
from fieldsharp.sweep.results.train_run import train_into
from tests.held_frames import held_frames

SEED_OF_TRAINING = 5
LAST = np.datetime64("2020-01-07T05:00:00", "ns")  # 150 hourly frames from 2020-01-01
FIRST_FRAMES = 120


@pytest.fixture(scope="module")
def ensemble_folder(tmp_path_factory: pytest.TempPathFactory, tiny_yaml: Path) -> Path:
    """A run folder of an ensemble with a sharpener; stride, history and horizon are 2."""
    folder = tmp_path_factory.mktemp("ensemble") / "run"
    settings = ["data.stride=2", "sharpening.name=quantile", "training.epochs=1"]
    settings += ["predictor.name=ensemble", "predictor.options.member=unet", "loss.base=crps"]
    settings += [f"training.seed={SEED_OF_TRAINING}", "predictor.options.members=2"]
    train_into(load_config(tiny_yaml, settings), folder)
    return folder


@pytest.fixture(scope="module")
def ensemble(ensemble_folder: Path) -> TrainedRun:
    return load_run(ensemble_folder)


@pytest.fixture(scope="module")
def shorter_file(plume_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shorter") / "first.nc"
    with xr.open_dataset(plume_file, engine="h5netcdf") as dataset:
        dataset.isel(time=slice(0, FIRST_FRAMES)).to_netcdf(path, engine="h5netcdf")
    return path


def members_of(
    trained: TrainedRun, steps: int = 5, members: int = 4, seed: int | None = 3, **more: Any
) -> npt.NDArray[np.float32]:
    """Return the values [K, T, H, W] of members of the first variable."""
    found = forecast_members(trained, steps, asked=MembersAsked(members, seed), **more)
    return np.stack([variables[0].values_TCHW[:, 0] for variables in found])


# What a member is.


def test_a_member_is_fed_its_own_forecast_and_draws_by_the_last_time_of_each_round(
    ensemble: TrainedRun,
) -> None:
    data = load_forecast_data(ensemble.run.data)
    known = held_frames(data.train)[[-3, -1]][None]
    fill = data.scaling.to_unit(torch.tensor(data.scaling.fill)).float()
    predictor = ensemble.predictor
    assert isinstance(predictor, Ensemble)
    frames = []
    with torch.no_grad():
        for hours in (0, 4):
            key = time_key(LAST + np.timedelta64(hours, "h"))
            drawn = predictor.forecast_drawn(known, MemberDraws(3, (2,), (key,)))[:, 0]
            known = torch.where(data.mask_HW, drawn, fill)
            frames.append(known[0])
    expected = data.scaling.to_physical(torch.cat(frames))[:3, 0]

    found = members_of(ensemble, 3, sharpening="none")[2]

    mask = data.series.mask_HW
    np.testing.assert_allclose(found[:, mask], expected.numpy()[:, mask], rtol=1e-6)


def test_fewer_members_are_the_first_of_more(ensemble: TrainedRun) -> None:
    eight = members_of(ensemble, members=8)
    np.testing.assert_allclose(eight[:4], members_of(ensemble, members=4), rtol=1e-6)
    mask = forecast(ensemble, 1).mask_HW
    assert (eight.std(axis=0)[:, mask].mean(axis=1) > 1e-3).all(), "members differ at every lead"


def test_a_longer_forecast_of_a_member_begins_with_the_shorter(ensemble: TrainedRun) -> None:
    longer, shorter = members_of(ensemble, 5), members_of(ensemble, 2)
    np.testing.assert_allclose(longer[:, :2], shorter, rtol=1e-6)


def test_members_after_a_time_are_the_same_whatever_file_it_is_read_from(
    ensemble: TrainedRun, shorter_file: Path
) -> None:
    read = members_of(ensemble, data_path=str(shorter_file))
    after = members_of(ensemble, after="2020-01-05T23:00")
    np.testing.assert_allclose(read, after, rtol=1e-6)


def test_seed_and_initial_time_decide_what_is_drawn(
    ensemble: TrainedRun, plume_file: Path, tmp_path: Path
) -> None:
    """Of one history that is twice in the data, so that nothing else differs."""
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        repeated = source.load()
    repeated["plume"].values[-13:-10] = repeated["plume"].values[-3:]
    repeated.to_netcdf(tmp_path / "repeated.nc", engine="h5netcdf")

    def drawn(hours: int, seed: int) -> npt.NDArray[np.float32]:
        after, path = str(LAST - np.timedelta64(hours, "h")), str(tmp_path / "repeated.nc")
        found = members_of(ensemble, 2, seed=seed, data_path=path, after=after)
        return found[..., forecast(ensemble, 1).mask_HW]

    last = drawn(0, seed=3)
    between_members = np.abs(last[0] - last[1]).mean()
    assert np.abs(last - drawn(10, seed=3)).mean() > 0.3 * between_members
    assert np.abs(last - drawn(0, seed=4)).mean() > 0.3 * between_members


def test_the_seed_is_by_default_that_of_the_training(ensemble: TrainedRun) -> None:
    by_default = members_of(ensemble, 2, seed=None)
    np.testing.assert_array_equal(by_default, members_of(ensemble, 2, seed=SEED_OF_TRAINING))


def test_without_members_the_forecast_is_the_first_of_them(ensemble: TrainedRun) -> None:
    (one,) = forecast_variables(ensemble, 5)
    expected = members_of(ensemble, members=2, seed=None)[0]
    np.testing.assert_array_equal(one.values_TCHW[:, 0], expected)
    ((one,),) = forecast_members(ensemble, 5, asked=MembersAsked(seed=3))
    np.testing.assert_array_equal(one.values_TCHW[:, 0], members_of(ensemble, members=2, seed=3)[0])


def test_each_member_is_sharpened(ensemble: TrainedRun) -> None:
    """By the sharpener of the run, at its last lead beyond the horizon."""
    plain = members_of(ensemble, 3, members=3, sharpening="none")
    assert ensemble.sharpener is not None
    expected = ensemble.sharpener(torch.from_numpy(plain).double()[:, :, None], [0, 1, 1])[:, :, 0]

    found = members_of(ensemble, 3, members=3)

    mask = forecast(ensemble, 1).mask_HW
    np.testing.assert_allclose(found[..., mask], expected.numpy()[..., mask], rtol=1e-4)
    assert np.abs(found - plain)[..., mask].mean() > 1e-2


def test_members_by_dropout_are_drawn_alike(ensemble: TrainedRun) -> None:
    settings = ensemble.run.predictor.model_copy(
        update={"width": 8, "options": {"member": "unet", "noise": "dropout", "dropout": 0.3}}
    )
    torch.manual_seed(1)
    predictor = build_predictor(settings, ensemble.shape).eval()
    with torch.no_grad():
        for parameter in predictor.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    dropping = replace(ensemble, predictor=predictor)
    three = members_of(dropping, 3, members=3, sharpening="none")
    np.testing.assert_allclose(
        three[:2], members_of(dropping, 3, members=2, sharpening="none"), rtol=1e-6
    )
    assert np.abs(three[0] - three[1]).max() > 1e-3


# The file.


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


# What is refused.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--members", "8"],
            "--members 8 can be given for an ensemble alone, and the predictor of this run, unet, "
            "makes a single forecast; leave it out, or train a run with predictor.name ensemble",
        ),
        (["--seed", "3"], "--seed 3 can be given for an ensemble alone"),
        (["--members", "2", "--seed", "3"], "--members 2 and --seed 3 can be given"),
        (["--members", "0"], "'--members': Input should be greater than or equal to 1"),
        (["--members", "-1"], "'--members': Input should be greater than or equal to 1"),
        (["--members", "1.5"], "'--members': Input should be a valid integer"),
        (["--members", "9" * 30], f"number from 1 to 2147483647, found {'9' * 30}"),
        (["--seed", "-1"], "'--seed': Input should be greater than or equal to 0"),
        (["--seed", str(2**31)], "number from 0 to 2147483647, found 2147483648"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_members_that_a_run_cannot_draw_are_refused(
    run_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    path = tmp_path / "m.nc"
    assert main(["predict", str(run_folder), "--steps", "2", "-o", str(path), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not path.exists()


@pytest.mark.parametrize(
    ("members", "seed", "said"),
    [
        (0, None, "--members must be a whole number from 1 to 2147483647, found 0"),
        (1.5, None, "found 1.5"),
        (True, None, "found True"),
        ("8", None, "found '8'"),
        (8, -1, "--seed must be a whole number from 0 to 2147483647, found -1"),
        (8, 2**31, "found 2147483648"),
    ],
)
def test_in_python_too(ensemble_folder: Path, members: Any, seed: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        fieldsharp.load(ensemble_folder).predict(2, members=members, seed=seed)


def test_whole_numbers_of_numpy_are_numbers(ensemble: TrainedRun) -> None:
    found: Any = members_of(ensemble, 2, members=np.int64(2), seed=np.int64(3))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, members_of(ensemble, 2, members=2, seed=3))


def test_members_that_memory_cannot_hold_are_refused_with_how_many_it_can(
    ensemble: TrainedRun,
) -> None:
    with pytest.raises(DataError, match=r"5 frames of each of 2147483647 members take up") as found:
        forecast_of_length(ensemble, 5, asked=MembersAsked(2**31 - 1))
    fitting = re.search(r"ask for at most (\d+) members, or for fewer frames$", str(found.value))
    assert fitting is not None
    MembersAsked(int(fitting[1]) // 2).require_memory(5, ensemble.shape, sharpened=True)
    with pytest.raises(DataError, match="at most"):
        MembersAsked(int(fitting[1]) * 2).require_memory(5, ensemble.shape, sharpened=True)
    with pytest.raises(DataError, match=r"memory; ask for fewer frames$"):
        forecast_of_length(ensemble, 2**40)
    with pytest.raises(DataError, match=r"memory; ask for fewer frames and members$"):
        forecast_of_length(ensemble, 2**40, asked=MembersAsked(8))
