"""Cell edges of a map from its coordinates, and the aspect ratio to draw it with.

Shape legend: H rows, W columns.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fieldsharp.sweep.pictures.number_scale import shown
from fieldsharp.sweep.study.files.previews import ObservedPreview

Doubles = npt.NDArray[np.float64]
MIN_ASPECT, MAX_ASPECT = 0.3, 2.2
"""Limits of height over width; beyond them the cells of a map are stretched."""
EVEN_TOLERANCE = 1e-3


@dataclass(frozen=True)
class MapGrid:
    """The cells of a map.

    Attributes:
        x_label: Name and units of the columns.
        y_label: Name and units of the rows.
    """

    x_W: Doubles
    y_H: Doubles
    x_label: str
    y_label: str

    @cached_property
    def x_edges(self) -> Doubles:
        """Edges of the columns, length W + 1."""
        return _edges(self.x_W, self._median_step)

    @cached_property
    def y_edges(self) -> Doubles:
        """Edges of the rows, length H + 1."""
        return _edges(self.y_H, self._median_step)

    @property
    def is_even(self) -> bool:
        """Whether all columns have the same width, and all rows the same height."""
        return _is_even(self.x_edges) and _is_even(self.y_edges)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Outer edges of the first and last column (left, right) and row (bottom, top)."""
        return (
            float(self.x_edges[0]),
            float(self.x_edges[-1]),
            float(self.y_edges[0]),
            float(self.y_edges[-1]),
        )

    @property
    def aspect(self) -> float:
        """Height over width, of longitude and latitude at the middle latitude; within limits."""
        left, right, bottom, top = self.extent
        wide, high = abs(right - left), abs(top - bottom)
        if not (wide > 0 and high > 0 and math.isfinite(wide) and math.isfinite(high)):
            return 1.0
        ratio = high / wide
        if self.is_geographic:
            middle = math.radians(min(80.0, abs(0.5 * (bottom + top))))
            ratio /= math.cos(middle)
        return min(max(ratio, MIN_ASPECT), MAX_ASPECT)

    @property
    def is_geographic(self) -> bool:
        """Whether the axes are longitude and latitude in degrees."""
        x, y = self.x_label.lower(), self.y_label.lower()
        return "degree" in x and "degree" in y and ("lat" in y or "north" in y)

    @property
    def _median_step(self) -> float:
        steps = [np.abs(np.diff(values)) for values in (self.x_W, self.y_H)]
        known = np.concatenate(steps) if steps else np.array([])
        known = known[np.isfinite(known) & (known > 0)]
        return float(np.median(known)) if known.size else 1.0


def map_grid(observed: ObservedPreview) -> MapGrid:
    """Return the cells of the maps of a preview, numbered if its coordinates are not monotonic."""
    height, width = observed.mask_HW.shape
    x_W, x_label = _usable(observed.x_W, width, observed.x_label)
    y_H, y_label = _usable(observed.y_H, height, observed.y_label)
    return MapGrid(x_W, y_H, x_label, y_label)


def _usable(values: Doubles, length: int, label: str) -> tuple[Doubles, str]:
    if values.shape == (length,) and np.isfinite(values).all():
        steps = np.diff(values)
        if np.all(steps > 0) or np.all(steps < 0):
            return values, shown(label)
    return np.arange(length, dtype=np.float64), f"{shown(label.split(' [')[0])} [cells]"


def _edges(values: Doubles, median_step: float) -> Doubles:
    if len(values) == 1:
        return np.array([values[0] - median_step / 2, values[0] + median_step / 2])
    middles = 0.5 * (values[:-1] + values[1:])
    first, last = values[0] - (middles[0] - values[0]), values[-1] + (values[-1] - middles[-1])
    return np.concatenate([[first], middles, [last]])


def _is_even(edges: Doubles) -> bool:
    steps = np.diff(edges)
    return bool(np.ptp(steps) <= EVEN_TOLERANCE * np.abs(steps).max())
