"""Parameters of the shower simulator, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from .setting_ranges import Ranges, check_ranges

_RANGES: Ranges = MappingProxyType(
    {
        "frames": (1, 100_000),
        "size": (16, 2048),
        "seed": (0, 2**63 - 1),
        "storms_per_h": (0.01, 1000.0),
        "storm_life_min": (5.0, 10_000.0),
        "storm_radius_cells": (0.5, 1000.0),
        "cells_per_storm_h": (0.1, 1000.0),
        "cell_life_min": (5.0, 10_000.0),
        "cell_radius_cells": (0.5, 1000.0),
        "mean_peak": (0.1, 1000.0),
        "threshold": (0.001, 100.0),
        "mean_wind_x": (-10.0, 10.0),
        "mean_wind_y": (-10.0, 10.0),
        "wind_spread": (0.0, 10.0),
        "wind_memory_min": (5.0, 10_000.0),
        "own_motion": (0.0, 10.0),
    }
)


@dataclass(frozen=True)
class ShowerSettings:
    """Parameters of the simulator.

    Lives are drawn evenly from half to one and a half times their mean.

    Attributes:
        frames: Number of frames, five minutes apart.
        size: Cells of the grid along each side of the square; its edges are joined.
        seed: Seed of wind and showers.
        storms_per_h: Mean number of storms born an hour on a grid of 64 x 64.
        storm_life_min: Mean life of a storm, in which it bears rain cells, in minutes.
        storm_radius_cells: Standard deviation of the birthplaces about the storm, in cells.
        cells_per_storm_h: Mean number of rain cells that a storm bears an hour.
        cell_life_min: Mean life of a rain cell in minutes.
        cell_radius_cells: Mean radius (standard deviation) of a rain cell in cells of the grid.
        mean_peak: Mean over rain cells of the highest rate in their life, in mm h-1.
        threshold: Rate below which it is not raining, in mm h-1.
        mean_wind_x: Mean wind along x in cells per frame.
        mean_wind_y: Mean wind along y in cells per frame.
        wind_spread: Standard deviation of each wind component in cells per frame.
        wind_memory_min: Minutes after which 1/e of a gust is left.
        own_motion: Standard deviation of each rain cell's own motion in cells per frame.

    Raises:
        ValueError: A value is no number or outside its range.
    """

    frames: int = 800
    size: int = 48
    seed: int = 0
    storms_per_h: float = 5.0
    storm_life_min: float = 90.0
    storm_radius_cells: float = 7.0
    cells_per_storm_h: float = 2.0
    cell_life_min: float = 45.0
    cell_radius_cells: float = 1.8
    mean_peak: float = 12.0
    threshold: float = 0.1
    mean_wind_x: float = 0.5
    mean_wind_y: float = 0.2
    wind_spread: float = 0.2
    wind_memory_min: float = 60.0
    own_motion: float = 0.1

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)
