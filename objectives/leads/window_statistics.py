"""Statistics of each window of a split, from which the score of resampled windows is computed.

Stored with a trial, read without torch. Shape legend: W windows, or groups of neighbouring windows.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.per_variable import PerVariable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MOST_VALUES = 512
"""Of a series; windows of a longer split are averaged over neighbours: about 2 KB in base64."""


class Series(Settings):
    """A statistic of each window, in single precision about a level in double precision.

    The level is such that the mean over all windows has double precision too.

    Attributes:
        level: In the unit of the statistic.
        departures: From the level, little-endian float32 in base64.
    """

    level: float
    departures: str

    @classmethod
    def of(cls, values_W: FloatArray, sizes_W: IntArray) -> "Series":
        """Return the values as they are stored; ``sizes_W`` are their weights in a mean."""
        mean = float(np.average(values_W, weights=sizes_W))
        if not np.isfinite(mean):  # diverged: JSON has no such level, base64 has such departures
            return cls(level=0.0, departures=_base64(values_W))
        with np.errstate(over="ignore", invalid="ignore"):
            departures_W = (values_W - mean).astype("<f4")
            level = mean - float(np.average(departures_W.astype(float), weights=sizes_W))
        return cls(level=level, departures=_base64(departures_W))

    def values_W(self) -> FloatArray:
        """Return the statistic of each window or group."""
        departures_W = np.frombuffer(b64decode(self.departures), dtype="<f4")
        return self.level + departures_W.astype(np.float64)


class ForecastWindows(Settings):
    """A forecast in each window: means over its leads, physical units.

    Attributes:
        gradient: Mean gradient.
        peak: Mean peak.
        squared_error: Mean square error; of members that of the mean of endless ones.
        crps: Fair CRPS; of members alone.
        variogram: Fair variogram score; of members alone.
    """

    gradient: Series
    peak: Series
    squared_error: Series
    crps: Series | None = Field(None, exclude_if=lambda series: series is None)
    variogram: Series | None = Field(None, exclude_if=lambda series: series is None)

    @property
    def is_finite(self) -> bool:
        """Whether every statistic is; not so for a forecast that has diverged."""
        series = (self.gradient, self.peak, self.squared_error, self.crps, self.variogram)
        return all(np.isfinite(one.values_W()).all() for one in series if one is not None)


class ObservedWindows(Settings):
    """The truth in each window, and where windows lie in time: means over leads, physical units.

    Attributes:
        gradient: Mean gradient.
        peak: Mean peak.
        mean: Mean of the field.
        sizes: Windows in each group.
        stretches: First group of each stretch of time without a break.
        span: Frames of a window, from its first to its last, in starts of windows: so many
            neighbouring windows share frames.
    """

    gradient: Series
    peak: Series
    mean: Series
    sizes: list[int]
    stretches: list[int]
    span: int


class WindowStatistics(PerVariable):
    """Statistics of each window of the split that a forecast is judged on.

    Attributes:
        observed: Of the truth; None where it is stored with the baseline.
        forecasts: By name of the sharpener, or that for none.
    """

    observed: ObservedWindows | None
    forecasts: dict[str, ForecastWindows]


class Grouping:
    """Groups of neighbouring windows, none across a break in time.

    Args:
        starts_W: First frame of each window, in rising order.
        every: Frames between the starts of neighbouring windows; a longer step is a break.
        most: Groups at most, but one for each stretch without a break.
    """

    def __init__(self, starts_W: Sequence[int], every: int, most: int = MOST_VALUES) -> None:
        breaks = np.flatnonzero(np.diff(np.asarray(starts_W)) > every) + 1
        edges = [0, *breaks.tolist(), len(starts_W)]
        size = max(1, -(-len(starts_W) // most))
        while _groups(edges, size) > most and size < len(starts_W):
            size += 1
        firsts: list[int] = []
        self.stretches: list[int] = []
        for first, end in pairwise(edges):
            self.stretches.append(len(firsts))
            firsts += range(first, end, size)
        self._firsts = np.asarray(firsts, dtype=np.int64)
        self.sizes_W: IntArray = np.diff([*firsts, len(starts_W)])

    def series(self, values_W: FloatArray) -> Series:
        """Return the mean over each group of a statistic of all windows."""
        sums_W = np.add.reduceat(values_W, self._firsts)
        return Series.of(sums_W / self.sizes_W, self.sizes_W)


def _base64(values_W: npt.NDArray[np.floating]) -> str:
    with np.errstate(over="ignore"):
        return b64encode(values_W.astype("<f4").tobytes()).decode()


def _groups(edges: Sequence[int], size: int) -> int:
    return sum(-(-(end - first) // size) for first, end in pairwise(edges))
