"""Parameters of the plume simulator, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from .setting_ranges import Ranges, check_ranges

_RANGES: Ranges = MappingProxyType(
    {
        "frames": (1, 100_000),
        "size": (16, 2048),
        "seed": (0, 2**63 - 1),
        "sea_share": (0.0, 0.9),
        "offset": (0.0, 1e6),
        "scale": (1e-6, 1e6),
        "log_spread": (0.01, 3.0),
        "length_cells": (0.5, 1000.0),
        "renewal_h": (0.1, 1e6),
        "mean_wind_x": (-100.0, 100.0),
        "mean_wind_y": (-100.0, 100.0),
        "wind_spread": (0.0, 100.0),
        "wind_memory_h": (0.1, 1e6),
    }
)


@dataclass(frozen=True)
class PlumeSettings:
    """Parameters of the simulator; the defaults are calibrated (see data/README.md).

    Attributes:
        frames: Number of hourly frames.
        size: Cells along each side of the square grid.
        seed: Seed of coast, wind and plumes.
        sea_share: Share of cells that are sea and therefore missing.
        offset: Background concentration in ug m-3.
        scale: Median concentration above the background in ug m-3.
        log_spread: Standard deviation of the logarithm of the concentration, no unit.
        length_cells: Length L of the plumes in the spectrum (1 + (k L)^2)^-3, in cells.
        renewal_h: Hours after which 1/e of a plume is left.
        mean_wind_x: Mean wind along x in cells per hour.
        mean_wind_y: Mean wind along y in cells per hour.
        wind_spread: Standard deviation of each wind component in cells per hour.
        wind_memory_h: Hours after which 1/e of a gust is left.

    Raises:
        ValueError: A value is no number or outside its range.
    """

    frames: int = 600
    size: int = 64
    seed: int = 0
    sea_share: float = 0.25
    offset: float = 26.0
    scale: float = 23.2
    log_spread: float = 0.65
    length_cells: float = 6.0
    renewal_h: float = 25.0
    mean_wind_x: float = 0.5
    mean_wind_y: float = 0.2
    wind_spread: float = 0.6
    wind_memory_h: float = 5.0

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)
