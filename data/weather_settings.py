"""Parameters of the simulator of weather in several variables, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from .setting_ranges import Ranges, check_ranges

_RANGES: Ranges = MappingProxyType(
    {
        "frames": (1, 100_000),
        "size": (16, 720),
        "seed": (0, 2**63 - 1),
        "spread_k": (1e-6, 1e3),
        "daily_k": (0.0, 1e3),
        "length_cells": (0.5, 1000.0),
        "renewal_h": (0.1, 1e6),
        "wind_x": (-100.0, 100.0),
        "wind_y": (-100.0, 100.0),
        "gusts": (0.0, 100.0),
    }
)


@dataclass(frozen=True)
class WeatherSettings:
    """Parameters of the simulator.

    Attributes:
        frames: Number of hourly frames.
        size: Cells along each side of the square grid, a quarter of a degree each.
        seed: Seed of all fields.
        spread_k: Standard deviation of the anomaly of temperature in every frame, in K.
        daily_k: Half the daily range of temperature over land, in K.
        length_cells: Length L in the spectrum (1 + (k L)^2)^-3 of the anomaly, in cells.
        renewal_h: Hours after which 1/e of the anomaly is left.
        wind_x: Mean wind along x in cells per hour.
        wind_y: Mean wind along y, to the south, in cells per hour.
        gusts: Standard deviation of each component of the wind in cells per hour.

    Raises:
        ValueError: A value is no number or outside its range.
    """

    frames: int = 1000
    size: int = 32
    seed: int = 0
    spread_k: float = 2.5
    daily_k: float = 3.0
    length_cells: float = 2.5
    renewal_h: float = 20.0
    wind_x: float = 0.6
    wind_y: float = 0.1
    gusts: float = 0.4

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)
