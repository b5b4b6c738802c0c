"""What an export says of a confirmation: the comparison, and what was measured of its forecast."""

from typing import Any

import pytest

from fieldsharp.sweep.results.confirmation_facts import confirmation_facts, confirmed_standing
from tests.sweep.report.measured_figures import a_confirmation
from tests.sweep.study.confirmation.seed_runs import confirmation_with_references


def _facts(number: int, sharpener: str = "none", **known: Any) -> dict[str, Any]:
    found = a_confirmation().model_copy(update=known)
    return confirmation_facts(found, [], number, sharpener)


def test_the_winner_has_what_was_measured_of_it_with_intervals_and_leads() -> None:
    found = _facts(4)
    tested = found["on_test_split"]
    assert (tested["trial"], tested["configuration"]) == (4, "words of t4")
    assert tested["gradient"] == {"mean": 1.5, "error": 0.5}
    assert tested["intervals"][0]["peak"] == {"value": 1.5, "low": 1.25, "high": 1.75}
    assert (tested["blocks"], tested["readings"]) == (12, 1)
    assert [lead["score_chance"] for lead in tested["leads"]] == [0.01, 0.2]
    assert "outcomes" not in tested
    assert found["on_validation_split"]["gradient"]["mean"] == 2.0
    assert (found["compared_on"], found["is_winner"]) == ("validation", True)


@pytest.mark.parametrize(("sharpener", "gradient"), [("none", 1.0), ("inflate", 1.25)])
def test_the_baseline_has_what_was_measured_of_it_under_its_sharpener(
    sharpener: str, gradient: float
) -> None:
    tested = _facts(0, sharpener)["on_test_split"]
    assert tested["gradient"]["mean"] == gradient
    assert (tested["sharpening"], tested["leads"]) == (sharpener, [])


def test_the_comparison_is_that_of_the_baseline_under_its_sharpener() -> None:
    assert _facts(0)["on_validation_split"]["gradient"]["mean"] == 1.0
    assert _facts(0, "inflate")["on_validation_split"]["gradient"]["mean"] == 1.6


@pytest.mark.parametrize(("number", "sharpener"), [(0, "quantile"), (4, "unsharp"), (7, "none")])
def test_what_was_not_measured_has_nothing_of_the_test_split(number: int, sharpener: str) -> None:
    assert _facts(number, sharpener)["on_test_split"] is None


def test_a_trial_that_was_compared_and_not_tested_has_the_comparison_alone() -> None:
    found = _facts(4, best=0, winner=0)
    assert found["on_test_split"] is None
    assert found["on_validation_split"]["trial"] == 4


def test_an_earlier_version_measured_every_trial_on_the_test_split() -> None:
    old = confirmation_with_references().model_copy(update={"part": "test", "best": None})
    found = confirmation_facts(old, [], 4, "unsharp")
    assert found["on_test_split"]["held_score"] == {"mean": 0.0, "error": None}
    assert found["on_validation_split"] is None
    words = "the confirmed winner on new seeds and the test split"
    assert confirmed_standing({**found, "newer_trials": 0}) == words


def test_a_winner_is_said_to_be_compared_and_then_measured() -> None:
    words = "the confirmed winner with new seeds, measured on the test split"
    assert confirmed_standing({**_facts(4), "newer_trials": 0}) == words
    assert confirmed_standing({**_facts(4), "newer_trials": 1}) == (
        f"{words}, 1 trial is newer than the confirmation"
    )
