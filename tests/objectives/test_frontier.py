from __future__ import annotations

import pytest
from pydantic import ValidationError

from fieldsharp.objectives.frontier.frontier import Frontier, FrontierCurve


def curve(**changed: object) -> FrontierCurve:
    values: dict[str, object] = {
        "gradient_shares": [0.6, 0.8, 1.0],
        "rmse": [2.0, 2.2, 2.6],
        "orthogonality": 0.0,
        "bias": 0.1,
        "rmse_as_trained": 2.1,
        "gradient_share_as_trained": 0.62,
    }
    return FrontierCurve.model_validate(values | changed)


@pytest.mark.parametrize(
    ("share", "rmse"),
    [(0.1, 2.0), (0.6, 2.0), (0.7, 2.1), (0.8, 2.2), (0.95, 2.5), (1.0, 2.6), (1.3, 2.6)],
)
def test_rmse_is_interpolated_and_constant_beyond_the_ends(share: float, rmse: float) -> None:
    assert curve().rmse_at(share) == pytest.approx(rmse)


def test_full_sharpness_is_the_last_point() -> None:
    assert curve().rmse_full == 2.6


def test_the_excess_is_relative_to_the_least_rmse_at_that_sharpness() -> None:
    assert curve().excess(2.31, 0.8) == pytest.approx(0.05)
    assert curve().excess(2.1, 0.8) == pytest.approx(-1.0 / 22.0)
    assert curve(rmse=[0.0, 0.0, 0.0]).excess(1.0, 0.8) == 0.0


@pytest.mark.parametrize(("limit", "share"), [(2.0, 0.6), (2.1, 0.7), (2.4, 0.9), (3.0, 1.0)])
def test_the_reachable_share_is_where_the_curve_meets_the_limit(limit: float, share: float) -> None:
    assert curve().reachable_share(limit) == pytest.approx(share)


def test_no_share_is_reachable_below_the_calibrated_mean() -> None:
    assert curve().reachable_share(1.9) is None


def test_a_target_beyond_the_limit_is_said_with_what_to_do() -> None:
    sentence = curve().out_of_reach(0.95, 2.2, "at lead 3")

    assert sentence == (
        "at lead 3 a deterministic forecast reaches 0.80 of the observed gradient at most within "
        "an RMSE of 2.2; the target of 0.95 costs 2.5; ask for a shorter lead, or members"
    )
    assert "an estimated 0.80" in curve(doubts=["of something"]).out_of_reach(0.95, 2.2)
    assert "above the limit of 1.9" in curve().out_of_reach(0.95, 1.9)


def test_a_target_within_reach_is_not_said() -> None:
    assert curve().out_of_reach(0.8, 2.2) == ""
    assert curve().out_of_reach(1.05, 2.7) == ""


def test_nothing_is_said_where_no_cell_has_a_gradient() -> None:
    assert curve(gradient_shares=[float("nan")] * 3).out_of_reach(0.8, 2.2) == ""


@pytest.mark.parametrize(
    ("orthogonality", "error", "word"),
    [
        (-0.31, 0.05, "too bold"),
        (0.11, None, "too timid"),
        (-0.04, 0.01, ""),
        (0.11, 0.04, ""),  # within three standard errors
    ],
)
def test_the_diagnosis_goes_by_the_orthogonality(
    orthogonality: float, error: float | None, word: str
) -> None:
    diagnosis = curve(orthogonality=orthogonality, orthogonality_error=error).diagnosis

    assert diagnosis.startswith(word)
    assert bool(diagnosis) == bool(word)


def test_doubts_are_one_sentence() -> None:
    assert not curve().is_estimate
    doubtful = curve(doubts=["one thing", "another"])
    assert doubtful.is_estimate
    assert doubtful.estimate_because == "the curve is an estimate: one thing; another"


def test_points_that_are_level_are_passed_over() -> None:
    flat = curve(gradient_shares=[0.9, 1.0, 1.0])
    assert flat.rmse_at(1.0) == 2.6
    assert flat.rmse_at(0.95) == pytest.approx(2.1)


def test_a_frontier_is_stored_and_read_back() -> None:
    frontier = Frontier(
        overall=curve(), by_lead=[curve(), curve(rmse=[1, 2, 3])], windows=9, blocks=2
    )

    assert Frontier.model_validate_json(frontier.model_dump_json()) == frontier


def test_each_lead_has_its_own_limit() -> None:
    frontier = Frontier(
        overall=curve(), by_lead=[curve(), curve(rmse=[1.0, 2.0, 3.0])], windows=9, blocks=2
    )

    assert frontier.rmse_at(0.8) == 2.2
    assert frontier.excess(2.2, 0.8) == 0.0
    assert frontier.reachable_shares([2.2, 0.5]) == [pytest.approx(0.8), None]
    sentences = frontier.out_of_reach(0.95, 2.2, [3.0, 2.0])
    assert [sentence.split(" a ")[0] for sentence in sentences] == ["over all leads", "at lead 2"]


def test_a_curve_needs_an_rmse_for_each_share() -> None:
    with pytest.raises(ValidationError, match="each of its 3 shares"):
        curve(rmse=[1.0])
