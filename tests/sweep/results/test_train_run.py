"""A training compared with the export it was made from."""

import math
from pathlib import Path

import pytest

from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.results.train_run import _largest_difference, train_into

EXPECTED = {
    "gradient": 2.0,
    "gradient_observed": 3.0,
    "peak": 140.0,
    "rmse": 10.0,
    "bias": 0.0,
    "skill_persistence": 0.0,
    "power_small": -0.5,
}


@pytest.mark.parametrize(
    ("found", "name", "difference"),
    [
        # A bias is compared on the scale of the error, 10, a skill and decibels on that of 1.
        ({"bias": 1e-5}, "bias", 1e-6),
        ({"skill_persistence": -1e-7}, "skill_persistence", 1e-7),
        ({"power_small": -0.5 + 1e-6}, "power_small", 1e-6),
        # Above their scale values are compared with the larger of both.
        ({"peak": 139.0, "bias": 1e-5}, "peak", 1.0 / 140.0),
        ({"gradient": 4.0}, "gradient", 2.0 / 4.0),
        ({"bias": 1e300}, "bias", 1.0),
    ],
)
def test_the_metric_that_differs_most_is_named_and_by_how_much_on_its_scale(
    found: dict[str, float], name: str, difference: float
) -> None:
    trained = {**EXPECTED, **found}
    for largest in (
        _largest_difference(trained, EXPECTED),
        _largest_difference(EXPECTED, trained),  # it is symmetric
    ):
        assert largest is not None
        assert largest[0] == name
        assert largest[1] == pytest.approx(difference, rel=1e-6)


def test_equal_metrics_differ_by_nothing_also_where_they_are_no_number() -> None:
    same = {**EXPECTED, "roughness": math.nan, "correlation": math.inf}
    assert _largest_difference(same, same) == ("gradient", 0.0)


@pytest.mark.parametrize("found", [math.nan, math.inf])
def test_a_number_and_none_differ_infinitely(found: float) -> None:
    assert _largest_difference({**EXPECTED, "bias": found}, EXPECTED) == ("bias", math.inf)


def test_metrics_that_no_scale_is_known_of_are_compared_with_the_larger() -> None:
    assert _largest_difference({"mine": 1e-200}, {"mine": 2e-200}) == ("mine", 0.5)
    assert _largest_difference({"mine": 1e-200}, {"mine": 0.0}) == ("mine", 1.0)
    assert _largest_difference({"mine": 0.0}, {"mine": 0.0}) == ("mine", 0.0)


def test_without_a_metric_of_both_there_is_no_difference() -> None:
    assert _largest_difference({"rmse": 1.0}, {}) is None
    assert _largest_difference({"rmse": 1.0}, {"another": 1.0}) is None


def test_a_training_on_a_stored_series_has_the_metrics_of_one_in_memory(
    tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    found = []
    for above in (256, 0):
        given = [f"workers.share_data_above_mb={above}", "training.epochs=1"]
        file = load_config(tiny_yaml, given, one_training=True)
        found.append(train_into(file, tmp_path / f"run-{above}").metrics)
    assert found[0] == found[1]
    assert {path.name for path in tmp_path.iterdir()} == {"run-256", "run-0"}
