"""The members of a forecast file together, beside `scores` on the same file."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scores.probability import crps_for_ensemble

from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.trials.file_evaluation import evaluate_files
from tests.fields.coordinates.forecasts import LEADS
from tests.sweep.trials.test_forecast_series import RUNS, forecast_of, rms, save, truth_field

MEMBERS = 5


def right_of(truth: xr.Dataset) -> xr.DataArray:
    """The truth at the valid time of each start and lead."""
    values = truth["t2m"].values[(6 * np.arange(RUNS))[:, None] + LEADS]
    return xr.DataArray(values, dims=["time", "step", "lat", "lon"])


def test_members_are_scored_together_by_lead_and_over_all(tmp_path: Path) -> None:
    truth, forecast = truth_field(), forecast_of(truth_field(), MEMBERS)
    found = evaluate_files(save(forecast, tmp_path / "f.nc"), save(truth, tmp_path / "t.nc"))
    right = right_of(truth)
    drawn = forecast["t2m"].drop_vars(["time", "step", "lat", "lon"])
    expected = crps_for_ensemble(drawn, right, "number", method="fair", preserve_dims=["step"])
    tree = found.as_json()["ensemble"]
    assert (tree["members"], tree["windows"], tree["left_out"]) == (MEMBERS, RUNS * 3, 0)
    assert tree["crps"] == pytest.approx(float(expected.mean()), rel=1e-5)
    by_lead = [(one["lead"], one["crps"]) for one in tree["by_lead"]]
    assert by_lead == [
        (f"{hours} h", pytest.approx(float(one), rel=1e-5))
        for hours, one in zip((6, 12, 18), expected, strict=True)
    ]
    assert tree["rmse_of_mean"] == pytest.approx(
        rms((drawn.mean("number") - right).values), rel=1e-5
    )
    assert [event["quantile"] for event in tree["events"]] == [0.9, 0.99]
    assert sum(tree["rank_histogram"]) == pytest.approx(1.0)


def test_forecasts_without_all_members_are_left_out_of_the_scores(tmp_path: Path) -> None:
    truth, forecast = truth_field(), forecast_of(truth_field(), MEMBERS)
    forecast["t2m"][2, 3, 1] = np.nan
    found = evaluate_files(save(forecast, tmp_path / "f.nc"), save(truth, tmp_path / "t.nc"))
    assert found.members is not None
    assert (found.members.left_out, found.members.scores.windows) == (1, RUNS * 3 - 1)


def test_one_member_has_no_such_scores(tmp_path: Path) -> None:
    truth, forecast = truth_field(), forecast_of(truth_field(), 1)
    found = evaluate_files(save(forecast, tmp_path / "f.nc"), save(truth, tmp_path / "t.nc"))
    assert found.members is None
    assert "ensemble" not in found.as_json()


@pytest.mark.parametrize(
    ("size", "words"), [(1.0, "as flat as chance allows"), (0.3, "the members are too sure")]
)
def test_what_the_ranks_say_is_printed_in_a_sentence(
    size: float, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(2)
    truth = truth_field()
    drawn = rng.standard_normal((MEMBERS, 400, 6, 7))
    truth["t2m"].values[:] = 280 + rng.standard_normal(truth["t2m"].shape)
    forecast = xr.Dataset(
        {"t2m": (("number", "time", "lat", "lon"), 280 + size * drawn, {"units": "K"})},
        coords={"number": np.arange(MEMBERS), **truth.coords},
    )
    files = save(forecast, tmp_path / "f.nc"), save(truth, tmp_path / "t.nc")
    assert main(["evaluate", *map(str, files)]) == 0
    shown = capsys.readouterr().out
    assert f"{MEMBERS} members of 400 forecasts, scored together" in shown
    assert words in shown
