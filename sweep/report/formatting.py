"""Formats numbers, counts, durations and lists for the report."""

import math
from collections.abc import Sequence
from datetime import timedelta

UNKNOWN = "\N{EN DASH}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with this many significant digits, a dash for None or a non-finite value."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}")


def signed_number(value: float, digits: int = 3) -> str:
    """Return a number with its sign."""
    return f"{value:+.{digits}g}".replace("-", "\N{MINUS SIGN}")


def signed_percent(value: float | None) -> str:
    """Return a ratio in percent with its sign and one decimal."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{100.0 * value:+.1f} %".replace("-", "\N{MINUS SIGN}")


def ratio(value: float | None) -> str:
    """Return a ratio with two decimals."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def percent(value: float | None) -> str:
    """Return a ratio in percent."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{100.0 * value:.0f} %"


def count(how_many: int, one: str, several: str = "") -> str:
    """Return a number with its noun, such as ``1 trial`` and ``3 trials``."""
    noun = one if how_many == 1 else several or f"{one}s"
    return f"{f'{how_many:,}'.replace(',', NARROW_SPACE)} {noun}"


def duration(seconds: float | None) -> str:
    """Return a duration in seconds, minutes or hours, whichever suits its size."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 90:
        return f"{seconds:.3g} s"
    if seconds < 5400:
        return f"{seconds / 60:.3g} min"
    whole = timedelta(seconds=round(seconds))
    return f"{whole.total_seconds() / 3600:.3g} h"


def listed(words: Sequence[str], joined: str = "and") -> str:
    """Return words as a list in a sentence."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joined} {words[-1]}"
