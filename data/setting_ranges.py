"""Check of a simulator's parameters against their ranges."""

from __future__ import annotations

from collections.abc import Mapping

Ranges = Mapping[str, tuple[float, float]]
"""Allowed values by name, both ends included; whole numbers where the ends are whole."""


def check_ranges(settings: object, ranges: Ranges) -> None:
    """Check that every parameter is a number in its range.

    Raises:
        ValueError: A value is no number or outside its range.
    """
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        whole = isinstance(low, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"{name} must be {kind}, found {value!r}: give {low} to {high}.")
        if not low <= value <= high:  # refuses NaN as well
            raise ValueError(
                f"{name} must lie in {low} to {high}, found {value!r}: "
                f"the default is {getattr(type(settings), name)}."
            )
