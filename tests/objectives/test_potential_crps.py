"""The potential CRPS beside its definition written out, and an isotonic regression of a library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scores.processing import isotonic_fit

from fieldsharp.objectives.metrics import METRICS
from fieldsharp.objectives.potential_crps import potential_scores
from fieldsharp.objectives.verification import Verification, verify
from fieldsharp.objectives.verification_batch import VerificationBatch

Array = NDArray[np.float64]


def scores_of(forecast: Array, observed: Array) -> tuple[float, float]:
    potential, constant = potential_scores(torch.from_numpy(np.stack([forecast, observed], axis=1)))
    return potential.item(), constant.item()


def skill(forecast: Array, observed: Array) -> float:
    formula = METRICS["potential_skill"].formula
    return formula(torch.tensor(scores_of(forecast, observed), dtype=torch.float64)).item()


def lowest_of_highest(forecast: Array, below: Array) -> Array:
    """The antitonic regression by its min-max formula, without a pool or an order of its own."""
    levels = np.unique(forecast)

    def mean(low: float, high: float) -> float:
        return float(below[(low <= forecast) & (forecast <= high)].mean())

    return np.array(
        [
            min(max(mean(low, high) for high in levels if high >= x) for low in levels if low <= x)
            for x in forecast
        ]
    )


def fit_of_scores(forecast: Array, below: Array) -> Array:
    fit = isotonic_fit(-forecast, below)
    return np.asarray(fit["regression_values"][np.unique(-forecast, return_inverse=True)[1]])


def fit_of_scipy(forecast: Array, below: Array) -> Array:
    """Of forecasts without ties."""
    order = np.argsort(forecast)
    fitted = np.empty_like(below)
    fitted[order] = isotonic_regression(below[order], increasing=False).x
    return fitted


Fit = Callable[[Array, Array], Array]


def exact(fit: Fit, forecast: Array, observed: Array) -> float:
    """The mean CRPS, its integral taken between all observations."""
    values = np.unique(observed)
    total = 0.0
    for low, high in pairwise(values):
        below = (observed <= low).astype(float)
        total += (high - low) * float(((fit(forecast, below) - below) ** 2).mean())
    return total


def half_mean_difference(observed: Array) -> float:
    return float(abs(observed[:, None] - observed[None]).mean() / 2.0)


def few_pairs(seed: int, ties: bool) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    observed = rng.gamma(1.0, 3.0, size=25)
    forecast = observed + rng.normal(scale=2.0, size=25)
    return (forecast.round(), observed.round()) if ties else (forecast, observed)


def test_three_pairs_by_hand() -> None:
    """The two higher observations are in the wrong order: from 2 to 3 the fit is 1, 1/2, 1/2."""
    forecast, observed = np.array([10.0, 20.0, 30.0]), np.array([1.0, 3.0, 2.0])

    assert scores_of(forecast, observed) == pytest.approx((1 / 6, 4 / 9), rel=1e-14)
    assert skill(forecast, observed) == pytest.approx(5 / 8, rel=1e-14)


@pytest.mark.parametrize("fit", [lowest_of_highest, fit_of_scores])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_mean_crps_of_the_isotonic_distributional_regression(
    fit: Fit, ties: bool, seed: int
) -> None:
    forecast, observed = few_pairs(seed, ties)

    potential, constant = scores_of(forecast, observed)

    assert potential == pytest.approx(exact(fit, forecast, observed), rel=1e-12)
    assert constant == pytest.approx(half_mean_difference(observed), rel=1e-12)
    assert 0.1 < potential / constant < 0.9


@pytest.mark.parametrize("observations", [129, 60])
def test_it_is_exact_while_every_observation_is_a_threshold(observations: int) -> None:
    rng = np.random.default_rng(2)
    observed = rng.permutation(np.tile(rng.normal(size=observations) ** 3, 8))
    forecast = observed + rng.normal(size=len(observed))

    potential, constant = scores_of(forecast, observed)

    assert potential == pytest.approx(exact(fit_of_scipy, forecast, observed), rel=1e-11)
    assert constant == pytest.approx(half_mean_difference(observed), rel=1e-11)


OBSERVATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "normal": lambda signal, noise: signal + 0.7 * noise,
    "heavy-tailed": lambda signal, noise: np.exp(1.5 * signal + noise),
    "mostly zero": lambda signal, noise: np.maximum(0.0, np.exp(2.0 * signal + noise) - 1.0),
}


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_with_more_observations_it_is_near_the_exact_one(name: str) -> None:
    rng = np.random.default_rng(0)
    forecast = rng.normal(size=2000)
    observed = OBSERVATIONS[name](forecast, rng.normal(size=2000))

    potential, constant = scores_of(forecast, observed)

    found, reference = exact(fit_of_scipy, forecast, observed), half_mean_difference(observed)
    assert potential == pytest.approx(found, rel=0.015)
    assert 1.0 - potential / constant == pytest.approx(1.0 - found / reference, abs=5e-3)


def test_of_a_nearly_perfect_forecast_it_is_nearly_exact() -> None:
    rng = np.random.default_rng(0)
    observed = rng.normal(size=2000)
    forecast = observed + 0.02 * rng.normal(size=2000)

    potential, constant = scores_of(forecast, observed)

    found = exact(fit_of_scipy, forecast, observed)
    assert potential == pytest.approx(found, rel=0.04)
    assert potential / constant == pytest.approx(found / half_mean_difference(observed), abs=1e-3)


@pytest.mark.parametrize("pairs", [25, 1000])
@pytest.mark.parametrize("change", [np.exp, np.cbrt, lambda x: 1e-30 * x - 5e-31])
def test_no_increasing_transformation_of_the_forecast_changes_it(
    change: Callable[[Array], Array], pairs: int
) -> None:
    rng = np.random.default_rng(4)
    observed = rng.normal(size=pairs)
    forecast = observed + rng.normal(size=pairs)

    assert scores_of(change(forecast), observed) == scores_of(forecast, observed)


@pytest.mark.parametrize("pairs", [25, 1000])
def test_a_perfect_forecast_and_any_that_orders_all_observations_scores_zero(pairs: int) -> None:
    observed = np.random.default_rng(5).normal(size=pairs)

    for forecast in (observed, np.exp(observed), observed + np.sign(observed)):
        assert scores_of(forecast, observed)[0] == 0.0
        assert skill(forecast, observed) == 1.0
    # Two observations of one forecast cannot both be met.
    assert scores_of(observed.round(), observed)[0] > 0.0


@pytest.mark.parametrize("pairs", [25, 1000])
def test_a_constant_forecast_and_one_in_reverse_order_have_no_skill(pairs: int) -> None:
    observed = np.random.default_rng(6).normal(size=pairs)

    for forecast in (np.full(pairs, 3.0), -observed):
        potential, constant = scores_of(forecast, observed)
        assert potential == pytest.approx(constant, rel=1e-12)
        assert skill(forecast, observed) == pytest.approx(0.0, abs=1e-12)


def test_it_lies_between_zero_and_that_of_a_constant_forecast() -> None:
    for seed in range(20):
        potential, constant = scores_of(*np.random.default_rng(seed).normal(size=(2, 200)))
        assert 0.0 < potential <= constant


def test_observations_of_one_value_are_met_by_every_forecast() -> None:
    forecast = np.random.default_rng(7).normal(size=10)

    assert scores_of(forecast, np.full(10, 273.1)) == (0.0, 0.0)
    assert skill(forecast, np.full(10, 273.1)) == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_forecast_that_is_no_number_has_no_score(value: float) -> None:
    forecast, observed = few_pairs(0, ties=False)
    forecast[7] = value

    assert np.isnan(scores_of(forecast, observed)[0])
    assert np.isnan(skill(forecast, observed))


def test_what_a_forecast_could_be_corrected_for_is_no_error(case: VerificationBatch) -> None:
    """A sharper or flatter forecast in the same order has other errors and the same score."""
    found = verify(case)
    for change in (lambda x: 3.0 * x - 20.0, lambda x: torch.exp(0.1 * x)):
        other = verify(replace(case, pred_BTCHW=change(case.pred_BTCHW)))
        assert other["rmse"] > 2.0 * found["rmse"]
        for name in ("potential_crps", "potential_skill"):
            assert other[name] == found[name]


def test_each_lead_has_a_score_and_all_leads_are_one_sample_overall(
    case: VerificationBatch,
) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()["potential_crps"]
    overall = verification.overall()["potential_crps"]

    assert by_lead == sorted(by_lead)
    assert by_lead[0] < overall < by_lead[2]
    mask = case.mask_HW
    together = torch.stack([f[..., mask].flatten() for f in (case.pred_BTCHW, case.target_BTCHW)])
    assert overall == pytest.approx(potential_scores(together.T)[0].item(), rel=1e-12)
