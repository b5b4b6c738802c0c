"""Where a training is kept and when it ends, on RMSEs that were worked out by hand."""

import pytest

from fieldsharp.objectives.improvement import LEAST_GAIN, StoppingRule, still_improving

FALLING = [8.0, 4.0, 2.0, 1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    ("rmses", "kept", "is_over"),
    [
        ([5.0], 1, False),
        ([5.0, 4.0], 2, False),
        ([5.0, 4.0, 3.0], 3, False),
        ([5.0, 4.0, 4.5], 2, False),
        ([5.0, 4.0, 4.5, 4.1], 2, True),
        ([1.0, 4.0], 1, False),
        ([1.0, 4.0, 3.0], 1, True),  # the first epoch can be kept, though it is before the least
        (FALLING, 6, True),  # the most
        (FALLING[:5], 5, False),
    ],
)
def test_a_training_ends_two_epochs_after_its_best(
    rmses: list[float], kept: int, is_over: bool
) -> None:
    rule = StoppingRule(least=3, most=6, patience=2)
    assert (rule.kept(rmses), rule.is_over(rmses)) == (kept, is_over)


def test_a_net_that_is_no_better_than_the_last_frame_is_trained_on() -> None:
    """As one that starts from that frame, is worse for some epochs and then better."""
    rule = StoppingRule(least=1, most=9, patience=2).beside(5.0)
    course = [5.0, 6.0, 6.0, 5.5, 5.0, 4.0, 3.0, 3.5, 3.5]
    assert [rule.is_over(course[:epochs]) for epochs in range(1, 9)] == [False] * 8
    assert rule.is_over(course)
    assert rule.kept(course) == 7
    assert StoppingRule(least=1, most=9, patience=2).is_over(course[:3])
    assert StoppingRule(least=1, most=9, patience=2).beside(7.0).is_over(course[:3])
    assert not rule.reached_most(course)


def test_a_fall_that_is_too_small_is_no_improvement_until_it_adds_up() -> None:
    rule = StoppingRule(least=1, most=100, patience=3)
    small = 1.0 - 0.6 * LEAST_GAIN
    assert rule.kept([1.0, small]) == 1
    assert rule.kept([1.0, small, small**2]) == 3
    assert not rule.is_over([small**n for n in range(9)])
    assert rule.is_over([1.0, small, small, small])


def test_the_most_steps_are_blamed_only_for_a_fall_that_they_cut_off() -> None:
    rule = StoppingRule(least=1, most=6, patience=3)
    assert rule.reached_most(FALLING)
    assert not rule.reached_most([8.0, 4.0, 2.0, 2.0, 2.0, 2.0])
    assert not rule.reached_most([8.0, 4.0, 2.0, 2.0, 2.0])
    assert not rule.reached_most([2.0, 1.996, 1.992, 1.988, 1.984, 1.98])


@pytest.mark.parametrize(
    ("rmses", "expected"),
    [
        (FALLING, True),
        ([1.0], False),
        ([2.0, 1.0], True),
        ([1.0, 2.0], False),
        ([2.0, 1.0, 1.0, 0.985], False),  # 1.5 % in the last quarter
        ([2.0, 1.0, 1.0, 0.97], True),
        ([4.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.9, 1.2], True),
        ([4.0, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 1.2], False),
    ],
)
def test_the_last_quarter_tells_whether_the_rmse_was_still_falling(
    rmses: list[float], expected: bool
) -> None:
    assert still_improving(rmses) is expected
