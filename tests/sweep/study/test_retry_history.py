"""Counting how often a trial was lost in a row."""

import pytest

from fieldsharp.sweep.study.retry_history import RetryHistory


def _lost(*attempts: tuple[int, int, str]) -> RetryHistory:
    lost = RetryHistory()
    for attempt, done, reason in attempts:
        lost = lost.and_another(attempt, done, reason)
    return lost


def test_attempts_that_got_no_further_add_up() -> None:
    assert _lost((1, 0, "a"), (2, 0, "b"), (3, 0, "c")).reasons == ("a", "b", "c")


def test_the_count_begins_anew_with_a_further_epoch() -> None:
    lost = _lost((1, 0, "a"), (2, 0, "b"), (3, 1, "c"))
    assert (lost.epochs_done, lost.reasons) == (1, ("c",))
    assert lost.and_another(4, 1, "d").reasons == ("c", "d")


def test_fewer_epochs_than_before_are_no_progress() -> None:
    """Its newest checkpoint was damaged and removed."""
    assert _lost((1, 5, "a"), (2, 4, "b")).reasons == ("a", "b")


def test_the_same_attempt_is_lost_once() -> None:
    lost = _lost((1, 0, "its worker died"), (1, 0, "its coordinator died"))
    assert lost.reasons == ("its worker died",)


def test_what_is_kept_can_be_read_again() -> None:
    lost = _lost((1, 2, "a"), (2, 2, "b"))
    assert RetryHistory.model_validate(lost.model_dump(mode="json")) == lost


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        (["out of luck"], "out of luck"),
        (
            ["killed", "killed"],
            "given up after 2 attempts that finished no epoch beyond epoch 1, the last because "
            "killed",
        ),
        (
            ["silent", "killed", "silent", "frozen"],
            "given up after 4 attempts that finished no epoch beyond epoch 1, the last because "
            "frozen (before that: silent; killed)",
        ),
    ],
)
def test_why_it_is_given_up_names_every_reason_once(reasons: list[str], words: str) -> None:
    lost = _lost(*((attempt, 1, reason) for attempt, reason in enumerate(reasons, start=1)))
    assert lost.given_up() == words
