"""Each fault is caught by the check that is about it, and by no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.model.registry import LOSS_VARIANTS
from fieldsharp.sweep.checking import model_loading
from fieldsharp.sweep.checking.checks import open_context, run_checks
from fieldsharp.sweep.checking.context import Check, CheckContext
from fieldsharp.sweep.configuration.settings import SweepConfig
from tests.held_frames import held_frames

FAULTY = "predictor.name=tests.sweep.checking.faulty:"
Failures = Callable[[CheckContext], dict[str, Check]]
MakeContext = Callable[..., CheckContext]


@pytest.mark.slow
def test_nothing_fails_on_good_data(tiny_config: SweepConfig) -> None:
    assert [check for check in run_checks(open_context(tiny_config)) if not check.ok] == []


def test_an_ensemble_trained_on_its_members_passes(
    context_of: MakeContext, failures: Failures
) -> None:
    ensemble = ("predictor.name=ensemble", "predictor.options.members=2", "loss.base=crps")
    assert failures(context_of(*ensemble)) == {}


def test_a_tensor_that_is_not_saved(context_of: MakeContext, failures: Failures) -> None:
    found = failures(context_of(FAULTY + "Forgetful", "predictor.options={}"))
    assert set(found) == {"weights"}
    assert "the forecast differs by up to 0.0" in found["weights"].detail
    assert "parameters or persistent buffers" in found["weights"].fix


def test_weights_that_are_not_loaded(
    context_of: MakeContext, failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_loading, "load_weights", lambda *_: None)
    assert set(failures(context_of())) == {"weights"}


def test_weights_that_cannot_be_loaded(
    context_of: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(predictor: object, path: object) -> None:
        raise RuntimeError("size mismatch\nfor head.weight")

    monkeypatch.setattr(model_loading, "load_weights", refuse)
    found = model_loading.check_weights(context_of())
    assert not found.ok
    assert "(RuntimeError: size mismatch for head.weight)" in found.detail


def test_noise_in_evaluation_mode(context_of: MakeContext, failures: Failures) -> None:
    found = failures(context_of(FAULTY + "Restless"))
    assert set(found) == {"evaluation mode"}
    assert "self.training" in found["evaluation mode"].fix


def test_a_forecast_cut_from_the_weights(context_of: MakeContext, failures: Failures) -> None:
    found = failures(context_of(FAULTY + "Frozen", "predictor.options={}"))
    terms = {f"loss term {name}" for name in ("mse", "sobel")}
    assert set(found) == {"optimiser", "learning rate", "training"} | terms
    assert "does not depend on the weights" in found["optimiser"].detail


def test_a_loss_term_cut_from_the_forecast(
    context_of: MakeContext, failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = "tests.sweep.checking.faulty:detached_mse"
    monkeypatch.setitem(LOSS_VARIANTS, "sobel", replace(LOSS_VARIANTS["sobel"], path=cut))
    found = failures(context_of())
    assert set(found) == {"loss term sobel"}
    assert "with a gradient of 0 on the weights" in found["loss term sobel"].detail
    assert "detached" in found["loss term sobel"].fix


def test_a_learning_rate_of_0(context_of: MakeContext, failures: Failures) -> None:
    found = failures(context_of("training.learning_rate=0"))
    assert set(found) == {"optimiser", "learning rate", "training"}
    assert found["optimiser"].detail.startswith("0 of ")
    for check in found.values():
        assert check.fix.startswith("set training.learning_rate above 0, such as ")


def test_a_range_of_learning_rates_that_ends_in_divergence(
    context_of: MakeContext, failures: Failures
) -> None:
    found = failures(context_of("search.space.learning_rate.high=5.0"))
    assert set(found) == {"learning rate"}
    assert found["learning rate"].detail.endswith("configured: 0.0001 to 5")
    assert "search.space below " in found["learning rate"].fix


def test_frames_scaled_by_255(context_of: MakeContext, failures: Failures) -> None:
    context = context_of()
    frames = FramesInMemory(held_frames(context.data.train) * 255)
    parts: Any = {
        part: replace(getattr(context.data, part), frames=frames)
        for part in ("train", "validation", "test")
    }
    found = failures(replace(context, data=replace(context.data, **parts)))
    assert set(found) == {"values in training", "values in validation", "values in test"}
    assert "from 0 to 255 of the training range" in found["values in training"].detail
    assert found["values in test"].detail.startswith("100.0% of the values in the test frames")


@pytest.mark.parametrize(
    ("first", "also"), [(75, set()), (130, {"values in test"})], ids=["half", "test part"]
)
def test_a_file_that_changes_its_unit(
    context_of: MakeContext, failures: Failures, plumes: xr.Dataset, first: int, also: set[str]
) -> None:
    plumes["plume"][first:] *= 255
    found = failures(context_of(dataset=plumes))
    assert set(found) == {"level"} | also
    assert f"from frame {first} (2020-01-0" in found["level"].detail


def test_a_field_that_stands_still(
    context_of: MakeContext, failures: Failures, plumes: xr.Dataset
) -> None:
    plumes["plume"][:] = plumes["plume"][0].values
    found = failures(context_of(dataset=plumes))
    assert set(found) == {"blur"}
    assert found["blur"].detail.startswith("nothing to fix: a linear forecast has 1.00 of the")
    assert "no sweep is needed" in found["blur"].fix


def test_a_guard_that_the_truth_itself_breaks(context_of: MakeContext, failures: Failures) -> None:
    found = failures(context_of("objective.guards.power_small_db=-10"))
    assert set(found) == {"blur"}
    assert found["blur"].detail.startswith("the truth itself breaks the guard spectrum_small")
    assert found["blur"].fix == "loosen that limit"


def test_a_field_that_is_known_in_few_connected_cells(
    context_of: MakeContext, failures: Failures, plumes: xr.Dataset
) -> None:
    alone = np.arange(24) % 6 < 3
    kept = xr.DataArray(alone[:, None] & alone[None, :], dims=("y", "x"))
    found = failures(context_of(dataset=plumes.where(kept)))
    assert set(found) == {"mask"}
    assert "83% of 24 x 24 cells are masked; 10 have eight" in found["mask"].detail


def test_a_series_with_many_breaks(
    context_of: MakeContext, failures: Failures, plumes: xr.Dataset
) -> None:
    nights = (np.arange(150) // 5) * np.timedelta64(1, "D")
    broken = plumes.assign_coords(time=plumes["time"].values + nights)
    found = failures(context_of(dataset=broken))
    assert set(found) == {"time"}
    assert found["time"].detail.startswith("29 breaks in time and 0 frames with too many gaps")
