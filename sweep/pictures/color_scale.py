"""Colour scales of maps: one for all values, of differences, and of spread; robust against spikes.

Shape legend: H rows, W columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Kind = Literal["values", "differences", "spread"]
SHARE_SHOWN = 99.5
"""Percent of a forecast's cells inside the colour scale: a spike would leave the rest one colour.
Cells outside have the scale's last colour, and the colour bar has a point."""


@dataclass(frozen=True)
class ColorScale:
    """The range of values that the colours of a map stand for.

    Attributes:
        kind: Values of the field, differences, forecast minus observed, or spread of members.
        low: Value of the first colour, physical units.
        high: Value of the last colour.
        beyond: Whether there are values below the first, and above the last.
    """

    kind: Kind
    low: float
    high: float
    beyond: tuple[bool, bool] = (False, False)

    @property
    def extend(self) -> Literal["neither", "min", "max", "both"]:
        """The ends of the colour bar that have a point."""
        below, above = self.beyond
        if below and above:
            return "both"
        return "min" if below else "max" if above else "neither"


def value_scale(observed: Field, others: Sequence[Field]) -> ColorScale:
    """Return one scale for the observed field and its forecasts, from valid cells alone."""
    known = _finite([observed])
    forecast = _finite(others)
    ends = [(float(known.min()), float(known.max()))] if known.size else []
    if forecast.size:
        low, high = np.percentile(forecast, [100.0 - SHARE_SHOWN, SHARE_SHOWN])
        ends.append((float(low), float(high)))
    if not ends:
        return ColorScale("values", 0.0, 1.0)
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = 0.01 * abs(high) or 1.0
        return ColorScale("values", low - margin, high + margin)
    return ColorScale("values", low, high, _beyond(forecast, low, high))


def difference_scale(differences: Sequence[Field]) -> ColorScale:
    """Return one scale for differences, symmetric about zero."""
    known = _finite(differences)
    limit = float(np.percentile(np.abs(known), SHARE_SHOWN)) if known.size else 0.0
    if not limit > 0:
        limit = float(np.abs(known).max(initial=0.0)) or 1.0
    return ColorScale("differences", -limit, limit, _beyond(known, -limit, limit))


def spread_scale(spread: Field) -> ColorScale:
    """Return the scale of a spread, from 0."""
    known = _finite([spread])
    limit = float(np.percentile(known, SHARE_SHOWN)) if known.size else 0.0
    if not limit > 0:
        limit = float(known.max(initial=0.0)) or 1.0
    return ColorScale("spread", 0.0, limit, _beyond(known, 0.0, limit))


def _finite(fields: Sequence[Field]) -> Doubles:
    flat = [np.ravel(np.asarray(values, dtype=np.float64)) for values in fields]
    joined: Doubles = np.concatenate([np.array([]), *flat])
    return joined[np.isfinite(joined)]


def _beyond(known: Doubles, low: float, high: float) -> tuple[bool, bool]:
    return bool((known < low).any()), bool((known > high).any())


def masked(values_HW: Field, mask_HW: npt.NDArray[np.bool_]) -> Doubles:
    """Return a field with NaN in the masked cells."""
    masked_HW: Doubles = np.array(values_HW, dtype=np.float64)
    masked_HW[~mask_HW] = np.nan
    return masked_HW
