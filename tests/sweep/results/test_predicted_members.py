"""Members of an ensemble, forecast from a run folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import xarray as xr

from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.initial_times import time_key
from fieldsharp.model.predictors.ensemble import Ensemble
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.sweep.results.members_asked import MembersAsked
from fieldsharp.sweep.results.prediction import forecast, forecast_members, forecast_variables
from fieldsharp.sweep.results.run_folder import TrainedRun
from tests.held_frames import held_frames
from tests.sweep.results.members import LAST, SEED_OF_TRAINING, members_of

FIRST_FRAMES = 120


@pytest.fixture(scope="module")
def shorter_file(plume_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shorter") / "first.nc"
    with xr.open_dataset(plume_file, engine="h5netcdf") as dataset:
        dataset.isel(time=slice(0, FIRST_FRAMES)).to_netcdf(path, engine="h5netcdf")
    return path


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
