"""What is read off a curve of losses against learning rates."""

import math

import pytest

from fieldsharp.sweep.checking import optimiser
from fieldsharp.sweep.checking.rate_range import RateRange, read_curve
from tests.sweep.checking.conftest import MakeContext

RATES = [10 ** (-6 + 6 * step / 60) for step in range(61)]


def _curve(*, bottom: float, explodes: float) -> list[float]:
    """Falls around a hundredth of the rate at which it explodes."""
    falling = [1.0 - (1.0 - bottom) / (1 + (explodes / 100 / rate) ** 2) for rate in RATES]
    return [1.0, *(f + (rate / explodes) ** 4 for f, rate in zip(falling, RATES, strict=True))]


def test_the_steepest_fall_and_the_divergence_are_found() -> None:
    found = read_curve(RATES, _curve(bottom=0.5, explodes=0.1))
    assert found.steepest == pytest.approx(1e-3, rel=1.0)
    assert found.diverges == pytest.approx(0.1, rel=0.5)


def test_a_loss_that_is_not_finite_diverges() -> None:
    losses = [*_curve(bottom=0.5, explodes=10.0)[:40], math.nan]
    assert read_curve(RATES, losses).diverges == RATES[39]


def test_a_loss_that_only_falls_does_not_diverge() -> None:
    found = read_curve(RATES, _curve(bottom=0.5, explodes=1e9))
    assert found.diverges is None


def test_a_loss_that_never_falls_has_no_best_rate() -> None:
    found = read_curve(RATES, [1.0] * 62)
    assert found.steepest is None
    assert found.diverges is None


def test_a_loss_of_0_says_nothing() -> None:
    assert read_curve(RATES, [0.0] * 62).diverges is None


def test_the_highest_rate_tried_is_what_a_check_says(
    context_of: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimiser, "range_test", lambda _: RateRange(steepest=0.01, diverges=None))
    found = optimiser.check_learning_rate(context_of())
    assert "does not diverge up to 1;" in found.detail
