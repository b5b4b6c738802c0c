"""Dates that recur in each month, season or year: one in each, or several.

Shape legend: T time, N times that follow, K dates in a period.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldsharp.fields.times.month_calendar import DAY_US, Integers, MonthCalendar
from fieldsharp.fields.times.place_rules import (
    END,
    MIDDLE,
    MIDDLE_DAY,
    MIDDLE_DAY_OF_DATES,
    START,
    Continuation,
    PlaceRule,
    agreed,
    fitting_rules,
)
from fieldsharp.fields.times.usual_step import usual_step

PERIODS_WITH_A_MIDDLE = (2, 3, 4, 6, 12)
"""Months of periods, beyond the month, whose middle a date may be."""
SEASON = 3
MOST_DATES_A_YEAR = 185
FEBRUARY_END_US = 59 * DAY_US
"""From the start of a year; the places of earlier days do not depend on its length."""
EARLY_IN_MONTH_US = 21 * DAY_US
"""From the start of a month; earlier dates keep their day, such as the 1st, 11th and 21st."""
LEAST_WHOLE_PERIODS = 2
"""Periods with all their dates, from which dates that recur several times a period are known."""


@dataclass(frozen=True)
class RecurringDates:
    """Dates at the same places of periods of whole months.

    Attributes:
        calendar: The dates and their months.
        months: Months in a period.
        anchor: First month of a period, counted from a January.
        position_T: Number of each date: its period times the dates in a period, plus its place.
        step: Positions from a date to the next.
        rules_K: The rules that fit all dates at each place in the period.
    """

    calendar: MonthCalendar
    months: int
    anchor: int
    position_T: Integers
    step: int
    rules_K: tuple[tuple[PlaceRule, ...], ...]

    @property
    def broken(self) -> npt.NDArray[np.bool_]:
        """Whether each step is not the usual one, length T-1."""
        return np.asarray(np.diff(self.position_T) != self.step)

    @property
    def is_plain(self) -> bool:
        """Whether a rule is a common convention, or the same day of each month."""
        return any(rule.is_usual or rule.base == START for rule in self.rules_K[0])

    @property
    def months_a_step(self) -> int | None:
        """Months from a date to the next; None if there are several dates in a period."""
        return self.months * self.step if len(self.rules_K) == 1 else None

    def after(self, last: int, ahead_N: Integers) -> list[Continuation]:
        """Return the times a number of steps after a date, by each rule that has such times."""
        place_count = len(self.rules_K)
        period_N, place_N = np.divmod(self.position_T[last] + self.step * ahead_N, place_count)
        starts_N, lengths_N = _periods(self.calendar, self.months, self.anchor, period_N)
        if place_count == 1:
            return _continuations(self.rules_K[0], starts_N, lengths_N)
        times_N = np.zeros_like(period_N)
        for place in np.unique(place_N).tolist():
            here = place_N == place
            found = agreed(_continuations(self.rules_K[place], starts_N[here], lengths_N[here]))
            if found is None:
                return []
            times_N[here] = found
        return [Continuation(times_N, is_usual=True)]


def one_date_a_period(calendar: MonthCalendar, tolerance_us: int) -> list[RecurringDates]:
    """Return all ways in which dates are one in a month, or the middle of a longer period."""
    every_place = (START, MIDDLE, END, MIDDLE_DAY, MIDDLE_DAY_OF_DATES)
    middles = (MIDDLE, MIDDLE_DAY)
    found = [_one_date(calendar, 1, 0, every_place, tolerance_us)]
    for months in PERIODS_WITH_A_MIDDLE:
        for anchor in range(months):
            longer = _one_date(calendar, months, anchor, middles, tolerance_us)
            # Means of the months between them; those of a season may be of one season a year.
            apart = longer is not None and (longer.step == 1 or months == SEASON)
            if longer and apart and any(rule.is_usual for rule in longer.rules_K[0]):
                found.append(longer)
    return [dates for dates in found if dates is not None]


def several_dates_a_period(calendar: MonthCalendar, tolerance_us: int) -> RecurringDates | None:
    """Return how dates recur several times a month (dekads) or a year (pentads, weeks)."""
    # Counted from the start of a year a day keeps its number, from the end its date.
    return _several_dates(calendar, 1, (START, MIDDLE, END), tolerance_us) or _several_dates(
        calendar, 12, (START, END), tolerance_us
    )


def _one_date(
    calendar: MonthCalendar, months: int, anchor: int, bases: tuple[str, ...], tolerance_us: int
) -> RecurringDates | None:
    period_T = (calendar.months_T - anchor) // months
    step = usual_step(np.diff(period_T))
    if step is None:
        return None
    starts_T, lengths_T = _periods(calendar, months, anchor, period_T)
    rules = fitting_rules(bases, lengths_T, calendar.since_T - starts_T, tolerance_us)
    if not rules:
        return None
    return RecurringDates(calendar, months, anchor, period_T, step, (tuple(rules),))


def _several_dates(
    calendar: MonthCalendar, months: int, bases: tuple[str, ...], tolerance_us: int
) -> RecurringDates | None:
    period_T = calendar.months_T // months
    starts_T, lengths_T = _periods(calendar, months, 0, period_T)
    offset_T = calendar.since_T - starts_T
    _, inverse_T, count = np.unique(period_T, return_inverse=True, return_counts=True)
    most = int(count.max())
    if not 2 <= most <= MOST_DATES_A_YEAR or (count == most).sum() < LEAST_WHOLE_PERIODS:
        return None

    def rules_of(these_T: npt.NDArray[np.bool_]) -> tuple[PlaceRule, ...]:
        lengths_N, places_N = lengths_T[these_T], offset_T[these_T]
        early = places_N.max() < (FEBRUARY_END_US if months == 12 else EARLY_IN_MONTH_US)
        tried = (START,) if early else bases
        return tuple(fitting_rules(tried, lengths_N, places_N, tolerance_us, plausible=False))

    # Places are known from periods with all their dates, then the others are put to them.
    place_T = np.full(len(period_T), -1)
    whole_T = (count == most)[inverse_T]
    place_T[whole_T] = np.arange(whole_T.sum()) % most
    rules_K = [rules_of(place_T == place) for place in range(most)]
    if not all(rules_K):
        return None
    distance_KT = np.array([_distance(rules, lengths_T, offset_T) for rules in rules_K])
    if (distance_KT.min(axis=0) > 2 * tolerance_us).any():
        return None
    place_T = distance_KT.argmin(axis=0)
    position_T = period_T * most + place_T
    step = usual_step(np.diff(position_T))
    rules_K = [rules_of(place_T == place) for place in range(most)]
    if step is None or not all(rules_K):
        return None
    return RecurringDates(calendar, months, 0, position_T, step, tuple(rules_K))


def _distance(rules: tuple[PlaceRule, ...], lengths_T: Integers, offset_T: Integers) -> Integers:
    """Return how far dates are from a place by the nearest of its rules."""
    return np.asarray(np.min([np.abs(rule.places(lengths_T) - offset_T) for rule in rules], axis=0))


def _periods(
    calendar: MonthCalendar, months: int, anchor: int, period_N: Integers
) -> tuple[Integers, Integers]:
    """Return the starts and the lengths of periods in microseconds."""
    starts_N = calendar.starts(anchor + months * period_N)
    return starts_N, calendar.starts(anchor + months * (period_N + 1)) - starts_N


def _continuations(
    rules: tuple[PlaceRule, ...], starts_N: Integers, lengths_N: Integers
) -> list[Continuation]:
    found = []
    for rule in rules:
        places_N = rule.places(lengths_N)
        # There is no 30 February.
        if (places_N >= 0).all() and (places_N < lengths_N).all():
            found.append(Continuation(starts_N + places_N, rule.is_usual))
    return found
