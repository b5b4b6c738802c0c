"""The stationary bootstrap of the windows of a split: its block length, and its draws.

Blocks of random length keep the dependence of neighbouring windows: Politis and Romano 1994, doi
10.1080/01621459.1994.10476870. Shape legend: W windows, or groups of neighbouring windows, R
resamples, K forecasts.
"""

from collections.abc import Iterable

import numpy as np

from fieldsharp.objectives.leads.window_statistics import FloatArray, ObservedWindows

RESAMPLES = 2000


def decorrelation_time(series: Iterable[FloatArray]) -> float:
    """Return the longest integral time scale of several series, in windows, at least 1.

    1 + 2 (r_1 + r_2 + ...) up to the first autocorrelation that is not above 0. A series of many
    forecasts [W, K] has the mean of their autocorrelations, of those that vary.
    """
    return max((_time_scale(values) for values in series), default=1.0)


def block_length(observed: ObservedWindows, decorrelation: float) -> float:
    """Return the mean length of a block in groups of windows.

    The longer of the span of a window, within which windows share frames, and the decorrelation
    time, which is given in groups.
    """
    span = observed.span * len(observed.sizes) / sum(observed.sizes)
    return max(1.0, span, decorrelation)


def resampled_weights(sizes_W: FloatArray, length: float, seed: int) -> FloatArray:
    """Return the weight of each group of windows in the mean of each resample [R, W].

    Args:
        sizes_W: Windows in each group.
        length: Mean length of a block, in groups; rounded up.
        seed: Of the draws; equal seeds give equal draws.
    """
    # Here and not above: it loads statsmodels, which takes seconds.
    from arch.bootstrap import StationaryBootstrap

    groups = len(sizes_W)
    draws = StationaryBootstrap(int(np.ceil(length)), np.arange(groups), seed=seed)
    weights = np.empty((RESAMPLES, groups))
    for number, (drawn, _) in enumerate(draws.bootstrap(RESAMPLES)):
        weights[number] = np.bincount(drawn[0], minlength=groups)
    weights *= sizes_W
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def _time_scale(values: FloatArray) -> float:
    values_WK = values.reshape(len(values), -1)
    departures = values_WK - values_WK.mean(axis=0)
    spectrum = np.abs(np.fft.rfft(departures, 2 * len(departures), axis=0)) ** 2
    covariance = np.fft.irfft(spectrum, axis=0)[: len(departures)]
    level = 1e-12 * np.square(values_WK).mean(axis=0) * len(values_WK)
    varies_K = np.isfinite(covariance[0]) & (covariance[0] > level)
    if not varies_K.any():
        return 1.0
    mean_W = (covariance[:, varies_K] / covariance[0, varies_K]).mean(axis=1)
    ends = np.flatnonzero(mean_W <= 0)
    upto = int(ends[0]) if len(ends) else len(mean_W)
    return max(1.0, 2.0 * float(mean_W[:upto].sum()) - 1.0)
