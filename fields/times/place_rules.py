"""Rules for the place of a date in its month, season or year: its start, its middle, its end.

Shape legend: N dates, one in each of N periods.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fieldsharp.fields.times.month_calendar import DAY_US, HOUR_US, SECOND_US, Integers

START, MIDDLE, END = "start", "middle", "end"
MIDDLE_DAY, MIDDLE_DAY_OF_DATES = "middle day", "middle day of dates"

BASES: dict[str, Callable[[Integers], Integers]] = {
    START: np.zeros_like,
    END: lambda lengths_N: lengths_N,
    MIDDLE: lambda lengths_N: lengths_N // 2,
    # The middle rounded to a day: of the bounds of a period, and of its first and last day.
    MIDDLE_DAY: lambda lengths_N: lengths_N // (2 * DAY_US) * DAY_US,
    MIDDLE_DAY_OF_DATES: lambda lengths_N: (lengths_N - DAY_US) // (2 * DAY_US) * DAY_US,
}
"""Microseconds from the start of a period to the place that a date keeps its distance from."""

PLAUSIBLE: dict[str, tuple[int, int]] = {
    START: (0, 31 * DAY_US),
    END: (-DAY_US, 0),
    # Means of hourly or daily values are stamped with the middle of the first and the last value.
    MIDDLE: (-DAY_US // 2, 0),
    MIDDLE_DAY: (-DAY_US, DAY_US - 1),
    MIDDLE_DAY_OF_DATES: (0, DAY_US - 1),
}
"""Distances from that place for a date that stands alone in its period."""


@dataclass(frozen=True)
class PlaceRule:
    """A place in a period.

    Attributes:
        base: The place that a date keeps its distance from.
        after_us: Microseconds after that place.
    """

    base: str
    after_us: int

    @property
    def is_usual(self) -> bool:
        """Whether it is a common convention: 1st or 15th, middle, or last day."""
        if self.base == START:
            return self.after_us < DAY_US or 14 * DAY_US <= self.after_us < 15 * DAY_US
        return (self.base == END and self.after_us >= -DAY_US) or (
            self.base in (MIDDLE, MIDDLE_DAY) and self.after_us == 0
        )

    def places(self, lengths_N: Integers) -> Integers:
        """Return the microseconds from the start of periods of these lengths to the date."""
        return BASES[self.base](lengths_N) + self.after_us


def fitting_rules(
    bases: Sequence[str],
    lengths_N: Integers,
    places_N: Integers,
    tolerance_us: int,
    plausible: bool = True,
) -> list[PlaceRule]:
    """Return the rules that all of some dates follow.

    Args:
        bases: Those of ``BASES`` that are tried.
        lengths_N: Microseconds that the periods of the dates last.
        places_N: Microseconds from the start of the period to the date.
        tolerance_us: Largest difference of a date from its rule.
        plausible: Whether the distance from the place must be one of ``PLAUSIBLE``.
    """
    rules = []
    for base in bases:
        after_N = places_N - BASES[base](lengths_N)
        least, most = int(after_N.min()), int(after_N.max())
        if most - least > 2 * tolerance_us:
            continue
        after_us = least
        if most > least:  # rounded times: the rule is a whole second, or a whole hour
            unit = SECOND_US if most - least < SECOND_US else HOUR_US
            after_us = round((least + most) / 2 / unit) * unit
        low, high = PLAUSIBLE[base]
        if not plausible or low <= after_us <= high:
            rules.append(PlaceRule(base, after_us))
    return rules


@dataclass(frozen=True)
class Continuation:
    """Times that follow by one rule, in microseconds; and whether the rule is a common one."""

    times_N: Integers
    is_usual: bool


def agreed(continuations: Sequence[Continuation]) -> Integers | None:
    """Return the times of the common rules, else of all; None if these differ."""
    usual = [found for found in continuations if found.is_usual]
    chosen = usual or list(continuations)
    if not chosen or any((found.times_N != chosen[0].times_N).any() for found in chosen[1:]):
        return None
    return chosen[0].times_N
