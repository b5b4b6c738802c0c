"""Intervals of the sharpness and error of a forecast over windows and seeds.

Shape legend: R resamples, S seeds, W windows or groups of them.
"""

from collections.abc import Sequence

import numpy as np

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.leads.lead import FEWEST_BLOCKS
from fieldsharp.objectives.leads.over_seeds import FEWEST_SEEDS, ForecastsOverSeeds
from fieldsharp.objectives.leads.reality_check import widening
from fieldsharp.objectives.leads.window_statistics import FloatArray, ForecastWindows

COVERAGE = 0.95


class Interval(Settings):
    """A figure with its interval, in which the true value lies with a chance of 95 %.

    Attributes:
        low, high: Its ends; None where windows or seeds are too few to tell them.
    """

    value: float
    low: float | None
    high: float | None


class SharpnessIntervals(Settings):
    """What a forecast of one variable comes to.

    Attributes:
        gradient: As a share of the observed.
        peak: Above the observed mean, as a share of the observed.
        rmse: As a share of the baseline's with the same seed.
    """

    gradient: Interval
    peak: Interval
    rmse: Interval


def sharpness_intervals(given: ForecastsOverSeeds, name: str) -> list[SharpnessIntervals]:
    """Return the figures of a forecast with their intervals, of each variable.

    Computed on the logarithm, on which errors are nearly normal, and over the seeds whose training
    did not fail. Windows are resampled by the stationary bootstrap, seeds have Student's t
    distribution. A figure that is not above 0 has no interval.

    Raises:
        ValueError: If the training failed with every seed.
    """
    trained = [one for one in given.seeds if one.forecasts[name].windows is not None]
    if not trained:
        raise ValueError(f"{name} failed with every seed")
    found = []
    for variable, observed in enumerate(given.observed):
        gradient_W, peak_W, mean_W = (
            series.values_W() for series in (observed.gradient, observed.peak, observed.mean)
        )
        of_seeds = [
            (_of(one.forecasts[name].windows, variable), one.baseline[variable]) for one in trained
        ]
        figures = {
            "gradient": [(w.gradient.values_W(), gradient_W, 1.0) for w, _ in of_seeds],
            "peak": [(w.peak.values_W() - mean_W, peak_W - mean_W, 1.0) for w, _ in of_seeds],
            "rmse": [
                (w.squared_error.values_W(), b.squared_error.values_W(), 0.5) for w, b in of_seeds
            ],
        }
        found.append(
            SharpnessIntervals(**{figure: _interval(given, of) for figure, of in figures.items()})
        )
    return found


def _of(windows: Sequence[ForecastWindows] | None, variable: int) -> ForecastWindows:
    assert windows is not None, "the training did not fail"
    return windows[variable]


def _interval(
    given: ForecastsOverSeeds, of_seeds: Sequence[tuple[FloatArray, FloatArray, float]]
) -> Interval:
    """Return the mean over seeds of a ratio of means over windows, to a power, with its interval.

    Args:
        given: Windows and seeds.
        of_seeds: Numerator and denominator in each window, and the power.
    """
    whole_W = given.sizes_W / given.sizes_W.sum()

    def logarithms(weights_RW: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = [
                power * np.log((weights_RW @ above_W) / (weights_RW @ below_W))
                for above_W, below_W, power in of_seeds
            ]
        return np.stack(ratios)

    by_seed_S = logarithms(whole_W[None])[:, 0]
    mean = float(by_seed_S.mean())
    value = float(np.exp(mean))
    is_enough = given.blocks >= FEWEST_BLOCKS and len(of_seeds) == len(given.seeds) >= FEWEST_SEEDS
    if not is_enough or not np.isfinite(mean):
        return Interval(value=value if np.isfinite(value) else 0.0, low=None, high=None)
    resampled_R = logarithms(given.weights_RW).mean(axis=0)
    departures_R = widening(given.blocks) * (resampled_R - mean)
    departures_R = departures_R + given.draws.departures(by_seed_S[:, None])[:, 0]
    tail = (1.0 - COVERAGE) / 2.0
    below, above = np.nanquantile(departures_R, [tail, 1.0 - tail])
    return Interval(value=value, low=float(np.exp(mean - above)), high=float(np.exp(mean - below)))
