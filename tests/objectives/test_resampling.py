"""Block length and draws of the stationary bootstrap."""

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from scipy.signal import lfilter

from fieldsharp.objectives.leads.resampling import RESAMPLES, decorrelation_time, resampled_weights


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_the_decorrelation_time_of_an_autoregression_is_the_known_one(phi: float) -> None:
    noise_WK = np.random.default_rng(0).normal(size=(2000, 20))
    series_WK = lfilter([1.0], [1.0, -phi], noise_WK, axis=0)
    assert decorrelation_time([series_WK]) == pytest.approx(
        (1 + phi) / (1 - phi), rel=0.15, abs=0.3
    )


def test_the_decorrelation_time_of_overlapping_windows_is_their_span() -> None:
    noise_WK = np.random.default_rng(0).normal(size=(3000, 10))
    series_WK = lfilter(np.ones(13), [1.0], noise_WK, axis=0)
    assert decorrelation_time([noise_WK, series_WK]) == pytest.approx(13, rel=0.15)


def test_series_that_do_not_vary_have_no_memory() -> None:
    assert decorrelation_time([np.full((50, 2), 3.0), np.full((50, 1), np.nan)]) == 1.0


def test_resampled_means_are_those_of_arch() -> None:
    """The linear part against arch's own bootstrap of a difference of means."""
    a_W, b_W = np.random.default_rng(0).normal(size=(2, 120))
    weights = resampled_weights(np.ones(120), length=9.0, seed=7)
    by_arch = StationaryBootstrap(9, a_W, b_W, seed=7).apply(
        lambda a, b: a.mean() - b.mean(), RESAMPLES
    )
    assert weights @ (a_W - b_W) == pytest.approx(by_arch[:, 0], abs=1e-12)


def test_large_groups_weigh_more() -> None:
    sizes_W = np.array([4.0] * 30 + [1.0])
    weights = resampled_weights(sizes_W, length=3.0, seed=0)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert weights.mean(axis=0)[-1] == pytest.approx(1 / 121, rel=0.15)
    assert (weights == resampled_weights(sizes_W, length=3.0, seed=0)).all()
    assert (weights != resampled_weights(sizes_W, length=3.0, seed=1)).any()
