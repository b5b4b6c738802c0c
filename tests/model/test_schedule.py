from __future__ import annotations

import itertools

import pytest

from fieldsharp.model.schedule import forcing_probability, rate_factor

RUNS = [(100, 0.1, 0.01), (100, 0.0, 0.0), (37, 0.3, 0.1), (1000, 0.05, 1.0), (20, 0.5, 0.2)]


def factors(total_steps: int, warmup_fraction: float, final: float) -> list[float]:
    return [rate_factor(s, total_steps, warmup_fraction, final) for s in range(total_steps)]


def test_warm_up_rises_by_equal_steps_to_one() -> None:
    rates = factors(100, 0.1, 0.01)

    assert rates[:11] == pytest.approx([(step + 1) / 11 for step in range(11)])


@pytest.mark.parametrize(("total", "warmup", "final"), RUNS)
def test_the_peak_is_one_and_the_end_is_the_final_share(
    total: int, warmup: float, final: float
) -> None:
    rates = factors(total, warmup, final)

    assert max(rates) == 1.0
    assert rates[round(total * warmup)] == 1.0
    assert rates[-1] == pytest.approx(final, abs=1e-15)


@pytest.mark.parametrize(("total", "warmup", "final"), RUNS)
def test_the_rate_never_rises_again_after_the_peak(total: int, warmup: float, final: float) -> None:
    rates = factors(total, warmup, final)[round(total * warmup) :]

    assert all(later <= earlier for earlier, later in itertools.pairwise(rates))


@pytest.mark.parametrize(("total", "warmup", "final"), RUNS)
def test_the_rate_is_never_zero_before_the_end_nor_above_one(
    total: int, warmup: float, final: float
) -> None:
    assert all(0.0 < rate <= 1.0 for rate in factors(total, warmup, final)[:-1])


def test_without_warm_up_the_first_step_has_the_whole_rate() -> None:
    assert rate_factor(0, 50, 0.0, 0.01) == 1.0


def test_half_way_down_the_cosine_the_rate_is_the_middle() -> None:
    assert rate_factor(50, 101, 0.0, 0.2) == pytest.approx(0.6)


def test_a_training_of_one_step_takes_the_whole_rate() -> None:
    assert factors(1, 0.05, 0.01) == [1.0]


@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.3, 0.6, 0.99])
def test_the_shortest_trainings_stay_within_bounds(total: int, warmup: float) -> None:
    assert all(0.0 < rate <= 1.0 for rate in factors(total, warmup, 0.01))


@pytest.mark.parametrize("fraction", [0.25, 0.5, 1.0])
def test_teacher_forcing_falls_linearly_from_one_to_zero_at_the_fraction(fraction: float) -> None:
    total = 200
    end = round(total * fraction)

    found = [forcing_probability(step, total, fraction) for step in range(total + 1)]

    assert found[: end + 1] == pytest.approx([1.0 - step / end for step in range(end + 1)])
    assert not any(found[end:])


def test_teacher_forcing_of_no_steps_never_forces() -> None:
    assert [forcing_probability(step, 10, 0.0) for step in range(10)] == [0.0] * 10
