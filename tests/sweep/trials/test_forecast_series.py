"""A forecast with leads and members against the truth at its valid times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.sweep.trials.file_evaluation import evaluate_files
from tests.fields.coordinates.forecasts import HOUR, LEADS, as_cfgrib, by_reference_and_lead, hours

RUNS = 24


def truth_field() -> xr.Dataset:
    rng = np.random.default_rng(0)
    walk = 280 + rng.standard_normal((400, 6, 7)).cumsum(axis=0)
    return xr.Dataset(
        {"t2m": (("time", "lat", "lon"), walk, {"units": "K"})},
        coords={"lat": np.arange(6.0), "lon": np.arange(7.0), "time": hours(400)},
    )


def forecast_of(truth: xr.Dataset, members: int = 2) -> xr.Dataset:
    """Errors grow with the lead and with the member: [number, time, step, lat, lon]."""
    rng = np.random.default_rng(1)
    starts = 6 * np.arange(RUNS)
    right = truth["t2m"].values[starts[:, None] + LEADS]
    noise = rng.standard_normal((members, *right.shape))
    sizes = 0.1 * LEADS[:, None, None] * (1 + np.arange(members))[:, None, None, None, None]
    return xr.Dataset(
        {"t2m": (("number", "time", "step", "lat", "lon"), right + sizes * noise, {"units": "K"})},
        coords={
            "number": 10 + np.arange(members),
            "time": hours(RUNS, every=6),
            "step": LEADS * HOUR,
            "lat": truth["lat"],
            "lon": truth["lon"],
        },
    )


def save(dataset: xr.Dataset, path: Path) -> Path:
    dataset.to_netcdf(path, engine="h5netcdf")
    return path


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(truth_field(), tmp_path_factory.mktemp("truth") / "truth.nc")


def errors() -> np.ndarray:
    """Forecast minus truth at valid time: [number, time, step, lat, lon]."""
    field = truth_field()
    right = field["t2m"].values[(6 * np.arange(RUNS))[:, None] + LEADS]
    return np.asarray(forecast_of(field)["t2m"].values - right)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def test_every_lead_and_member_is_compared_at_its_valid_time(tmp_path: Path, truth: Path) -> None:
    path = save(forecast_of(truth_field()), tmp_path / "forecast.nc")
    found = evaluate_files(path, truth)
    by_hand = errors()
    assert found.frames == 2 * RUNS * 3
    assert found.metrics["rmse"] == pytest.approx(rms(by_hand), rel=1e-6)
    content = found.as_json()
    assert content["rmse"] == found.metrics["rmse"]
    leads = content["by_lead"]
    assert [(one["lead"], one["lead_hours"], one["frames"]) for one in leads] == [
        ("6 h", 6.0, 48),
        ("12 h", 12.0, 48),
        ("18 h", 18.0, 48),
    ]
    members = content["by_member"]
    assert [(one["member"], one["frames"]) for one in members] == [("10", 72), ("11", 72)]
    for index in range(3):
        assert leads[index]["rmse"] == pytest.approx(rms(by_hand[:, :, index]), rel=1e-6)
    for index in range(2):
        assert members[index]["rmse"] == pytest.approx(rms(by_hand[index]), rel=1e-6)


def test_one_lead_of_one_member_has_flat_figures_alone(tmp_path: Path, truth: Path) -> None:
    path = save(forecast_of(truth_field()), tmp_path / "forecast.nc")
    found = evaluate_files(path, truth, forecast_select={"number": "11", "step": "12 h"})
    assert not {"by_lead", "by_member"} & found.as_json().keys()
    assert found.metrics["rmse"] == pytest.approx(rms(errors()[1, :, 1]), rel=1e-6)


def test_the_order_of_frames_is_judged_within_a_lead(tmp_path: Path, truth: Path) -> None:
    data = forecast_of(truth_field())
    right = {
        guard.name: guard
        for guard in evaluate_files(save(data, tmp_path / "right.nc"), truth).guards
    }
    assert right["order"].ok
    assert right["order"].value < 1
    reversed_runs = data.assign(t2m=data["t2m"].copy(data=data["t2m"].values[:, ::-1]))
    wrong = {
        guard.name: guard
        for guard in evaluate_files(save(reversed_runs, tmp_path / "wrong.nc"), truth).guards
    }
    assert not wrong["order"].ok


def test_a_baseline_is_paired_by_time_lead_and_member(tmp_path: Path, truth: Path) -> None:
    data = forecast_of(truth_field())
    forecast = save(data, tmp_path / "forecast.nc")
    reordered = save(data.isel(number=[1, 0], step=[2, 0, 1]), tmp_path / "baseline.nc")
    found = evaluate_files(forecast, truth, baseline=reordered)
    assert found.baseline_values is not None
    assert found.baseline_values.overall["rmse"] == pytest.approx(found.metrics["rmse"], rel=1e-9)
    single = save(data.isel(number=0, drop=True), tmp_path / "single.nc")
    of_one = evaluate_files(forecast, truth, baseline=single)
    assert of_one.baseline_values is not None
    assert of_one.baseline_values.overall["rmse"] == pytest.approx(rms(errors()[0]), rel=1e-6)
    short = save(data.isel(step=[0, 1]), tmp_path / "short.nc")
    with pytest.raises(DataError, match=r"lacks 48 of the 144 frames .* same times, leads and mem"):
        evaluate_files(forecast, truth, baseline=short)


def test_a_truth_of_members_has_to_be_selected(tmp_path: Path, truth: Path) -> None:
    field = truth_field()
    twice = xr.concat([field, field + 1], xr.DataArray([0, 1], dims="number", name="number"))
    path = save(twice, tmp_path / "truth.nc")
    with pytest.raises(DataError, match="--truth-select number=0"):
        evaluate_files(truth, path)
    found = evaluate_files(truth, path, select={"number": "0"})
    assert found.metrics["rmse"] == 0.0


def test_numeric_times_are_compared_in_one_unit(tmp_path: Path) -> None:
    field = truth_field().isel(time=slice(0, 48))
    times = {"hours": np.arange(48.0), "days": np.arange(48) / 24}
    paths = {
        units: save(
            field.assign_coords(time=("time", t, {"units": units})), tmp_path / f"{units}.nc"
        )
        for units, t in times.items()
    }
    late = save(
        field.isel(time=slice(24, 48)).assign_coords(
            time=("time", times["hours"][24:], {"units": "hours"})
        ),
        tmp_path / "late.nc",
    )
    found = evaluate_files(late, paths["days"])
    assert (found.frames, found.metrics["rmse"]) == (24, 0.0)
    other = save(
        field.assign_coords(time=("time", np.arange(48), {"units": "steps"})), tmp_path / "steps.nc"
    )
    with pytest.raises(DataError, match="numbers in steps and those of the truth lengths of time"):
        evaluate_files(other, paths["days"])


def test_a_single_lead_is_compared_at_its_valid_time_whatever_the_layout(tmp_path: Path) -> None:
    field = truth_field().isel(lat=slice(0, 4), lon=slice(0, 5))
    truth = save(field, tmp_path / "truth.nc")
    valid = 6 * np.arange(RUNS) + 12
    values = field["t2m"].values[valid]
    for layout in (as_cfgrib, lambda n: by_reference_and_lead(n)):
        data = layout(RUNS)
        lead = "step" if "step" in data.dims else "prediction_timedelta"
        one = data.isel({lead: 1})
        one = one.assign(t2m=one["t2m"].copy(data=values)).drop_vars(["lat", "lon"])
        assert evaluate_files(save(one, tmp_path / "one.nc"), truth).metrics["rmse"] == 0.0
