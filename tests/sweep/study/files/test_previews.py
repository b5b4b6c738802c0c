"""Samples come back as they were written."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.study.files.previews import (
    ForecastPreview,
    MembersPreview,
    ObservedPreview,
    TrialPreview,
)

FORECAST = ForecastPreview(
    values_LHW=np.arange(12, dtype=np.float32).reshape(2, 2, 3).transpose(0, 2, 1),
    power_LK=np.array([[1.0, 0.5], [2.0, 1e-300]]),
)
MEMBERS = MembersPreview(
    count=8,
    shown_MLHW=np.stack([FORECAST.values_LHW, 2 * FORECAST.values_LHW]),
    mean_LHW=1.5 * FORECAST.values_LHW,
    spread_LHW=0.5 * FORECAST.values_LHW,
)
OBSERVED = ObservedPreview(
    part="validation",
    variable='a "name" with ünicode',
    units="",
    leads=(1, 3),
    ahead=("2 h ahead", "6 h ahead"),
    times=("2018-07-16T00:00", "2018-07-16T04:00"),
    x_label="lon",
    y_label="lat",
    every=1,
    windows=32,
    values_LHW=FORECAST.values_LHW,
    mask_HW=np.array([[True, False], [True, True], [False, True]]),
    x_W=np.array([0.0, 1.0]),
    y_H=np.array([0.0, 1.0, 2.0]),
    power_LK=FORECAST.power_LK,
    wavelength_K=np.array([np.inf, 3.0]),
)


def _same(one: object, other: object) -> bool:
    a, b = one.__dict__, other.__dict__
    return a.keys() == b.keys() and all(
        np.array_equal(a[name], b[name])
        and getattr(a[name], "dtype", None) == getattr(b[name], "dtype", None)
        for name in a
    )


def test_what_was_observed_comes_back() -> None:
    found = ObservedPreview.from_bytes(OBSERVED.to_bytes())
    assert _same(found, OBSERVED)
    assert found.leads == (1, 3)


def test_the_sample_of_a_trial_comes_back() -> None:
    epochs = {"score": np.array([1.0, np.nan]), "loss total": np.array([3.0, 2.0])}
    found = TrialPreview.from_bytes(TrialPreview(FORECAST, epochs).to_bytes())
    assert found.forecast is not None
    assert _same(found.forecast, FORECAST)
    assert found.epochs.keys() == epochs.keys()
    assert np.array_equal(found.epochs["score"], epochs["score"], equal_nan=True)


def test_a_pruned_trial_has_epochs_alone() -> None:
    found = TrialPreview.from_bytes(TrialPreview(None, {"score": np.array([1.0])}).to_bytes())
    assert found.forecast is None
    assert found.epochs["score"].tolist() == [1.0]


def test_the_best_reference_comes_back_with_the_name_of_its_sharpener() -> None:
    sharper = ForecastPreview(2 * FORECAST.values_LHW, 4 * FORECAST.power_LK)
    preview = TrialPreview(FORECAST, reference=sharper, sharpener="unsharp")
    found = TrialPreview.from_bytes(preview.to_bytes())
    assert found.sharpener == "unsharp"
    assert found.reference is not None
    assert _same(found.reference, sharper)
    assert found.forecast is not None
    assert _same(found.forecast, FORECAST)


def test_a_preview_of_an_earlier_version_has_no_reference() -> None:
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[Any]]] = {
        "forecast/values_LHW": np.ascontiguousarray(FORECAST.values_LHW),
        "forecast/power_LK": FORECAST.power_LK,
        "about": np.frombuffer(b"{}", dtype=np.uint8),
    }
    found = TrialPreview.from_bytes(save(arrays))
    assert (found.reference, found.sharpener) == (None, "")
    assert found.forecast is not None


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", FORECAST.to_bytes()[:-3]])
def test_what_is_no_sample_is_said_to_be_of_another_version(content: bytes) -> None:
    with pytest.raises(StudyError, match="of another version of this program"):
        TrialPreview.from_bytes(content)


def test_a_sample_of_another_kind_is_refused() -> None:
    with pytest.raises(StudyError, match="of another version of this program"):
        ObservedPreview.from_bytes(FORECAST.to_bytes())


def test_previews_of_further_variables_come_back_with_the_first() -> None:
    wind = ForecastPreview(2.0 * FORECAST.values_LHW, 3.0 * FORECAST.power_LK)
    rain = ForecastPreview(5.0 * FORECAST.values_LHW, 7.0 * FORECAST.power_LK)
    several = replace(FORECAST, others=(wind, rain))
    epochs = {name: np.array([float(i)]) for i, name in enumerate(("score", "rmse", "rain: rmse"))}

    found = TrialPreview.from_bytes(TrialPreview(several, epochs, several, "spectral").to_bytes())

    of_rain = found.of(2, "rain")
    for preview in (of_rain.forecast, of_rain.reference):
        assert preview is not None
        assert _same(preview, rain)
    assert {name: float(values[0]) for name, values in of_rain.epochs.items()} == {
        "score": 0.0,
        "rmse": 2.0,
    }
    observed = replace(OBSERVED, others=(replace(OBSERVED, variable="wind"),))
    assert ObservedPreview.from_bytes(observed.to_bytes()).of(1).variable == "wind"
    with pytest.raises(IndexError):
        found.of(3, "none")


def test_a_preview_of_one_variable_is_stored_as_before_there_were_several() -> None:
    assert b"variable 1" not in FORECAST.to_bytes()
    assert b"others" not in OBSERVED.to_bytes()


def test_members_come_back_with_the_forecast_of_each_variable() -> None:
    wind = replace(MEMBERS, count=5, mean_LHW=7.0 * FORECAST.values_LHW)
    several = replace(FORECAST, members=MEMBERS, others=(replace(FORECAST, members=wind),))

    for content in (several.to_bytes(), TrialPreview(several).to_bytes()):
        is_trial = content != several.to_bytes()
        found = (
            TrialPreview.from_bytes(content).forecast
            if is_trial
            else ForecastPreview.from_bytes(content)
        )
        assert found is not None
        for preview, written in ((found, MEMBERS), (found.of(1), wind)):
            assert preview.members is not None
            assert _same(preview.members, written)


def test_a_preview_of_a_single_forecast_is_stored_as_before_there_were_members() -> None:
    assert b"members" not in FORECAST.to_bytes()
    assert ForecastPreview.from_bytes(FORECAST.to_bytes()).members is None


def test_a_preview_of_members_of_another_version_is_refused() -> None:
    content = replace(FORECAST, members=MEMBERS).to_bytes().replace(b"mean_LHW", b"mode_LHW")
    with pytest.raises(StudyError, match="of another version of this program"):
        ForecastPreview.from_bytes(content)
