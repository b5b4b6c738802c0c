"""Parameters of the simulator of a slowly drifting field, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from .setting_ranges import Ranges, check_ranges

_RANGES: Ranges = MappingProxyType(
    {
        "frames": (1, 100_000),
        "size": (16, 2048),
        "seed": (0, 2**63 - 1),
        "mean": (-1e6, 1e6),
        "spread": (1e-6, 1e6),
        "length_cells": (0.5, 1000.0),
        "renewal_h": (0.1, 1e6),
        "current_x": (-100.0, 100.0),
        "current_y": (-100.0, 100.0),
    }
)


@dataclass(frozen=True)
class DriftSettings:
    """Parameters of the simulator.

    Attributes:
        frames: Number of hourly frames.
        size: Cells along each side of the square grid.
        seed: Seed of the field.
        mean: Mean temperature in degC.
        spread: Standard deviation of every frame in K.
        length_cells: Length L in the spectrum (1 + (k L)^2)^-3, in cells.
        renewal_h: Hours after which 1/e of the field is left.
        current_x: Steady current along x in cells per hour.
        current_y: Steady current along y in cells per hour.

    Raises:
        ValueError: A value is no number or outside its range.
    """

    frames: int = 600
    size: int = 48
    seed: int = 0
    mean: float = 12.0
    spread: float = 2.0
    length_cells: float = 3.0
    renewal_h: float = 2000.0
    current_x: float = 0.03
    current_y: float = 0.01

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)
