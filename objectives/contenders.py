"""The trials of a sweep compared with its baseline and its targets."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.targets import Band, Targets

PROMISING_SHARE = 0.45
"""Of the way from baseline to target on the score's logarithmic scale: 2.5, the plan's mark between
2.133 and 3.0, is 0.47 of it."""


@dataclass(frozen=True)
class Contender:
    """A trial with a score, as the verdict needs it.

    Attributes:
        score: The lower the better.
        value: What trials are ranked by; by default the score.
        gradient: Predicted mean gradient, physical units.
        peak: Predicted mean peak, physical units.
        broken: The guards it breaks, name and words, the most broken first.
        sharpens: Whether it was trained with a term that can cure blur from uncertainty.
        rmse: Root mean square error, physical units.
        skill: Over the last known frame, 1 - MSE / MSE of persistence.
        is_complete: Whether it was trained to its end; one that was not, because others were
            better on the way, cannot win, but was tried.
    """

    number: int
    score: float
    gradient: float
    peak: float
    broken: tuple[tuple[str, str], ...]
    sharpens: bool
    is_baseline: bool
    rmse: float = math.nan
    value: float | None = None
    skill: float = 1.0
    is_complete: bool = True


@dataclass(frozen=True)
class Contenders:
    """The trials of a sweep compared with its targets.

    Lists of trials have the best score first.

    Attributes:
        trials: All trials with a score, in any order.
        units: Of the field, for the figures.
        to_come: Trials the budget still has.
    """

    trials: Sequence[Contender]
    targets: Targets
    units: str
    to_come: int

    @cached_property
    def complete(self) -> list[Contender]:
        """The trials that were trained to their end, the best score first."""
        return by_score([c for c in self.trials if c.is_complete])

    @cached_property
    def baseline(self) -> Contender:
        """The baseline; only the first rule applies where there is none."""
        return next(c for c in self.trials if c.is_baseline)

    @cached_property
    def valid(self) -> list[Contender]:
        """The complete trials that break no guard."""
        return [c for c in self.complete if not c.broken]

    @cached_property
    def winners(self) -> list[Contender]:
        """The valid trials that reach both targets.

        The best by score need not be one: its RMSE may make up for a target just missed.
        """
        return [c for c in self.valid if reaches(c, self.targets)]

    @cached_property
    def promising(self) -> list[Contender]:
        """The valid trials far enough from the baseline for more of the same.

        The best by score need not be one: its peak may make up for a gradient that another trial
        has come further with.
        """
        return [
            c
            for c in self.valid
            if c.score < self.baseline.score and self.progress(c) >= PROMISING_SHARE
        ]

    @cached_property
    def gamed(self) -> list[Contender]:
        """The trials that would be promising or better but for a guard.

        One that overshoots the band is meant too: noise knows no ceiling.
        """
        return [
            c
            for c in self.complete
            if c.broken and not c.is_baseline and self.progress(c, _shortfall) >= PROMISING_SHARE
        ]

    @cached_property
    def sharpening(self) -> int:
        """How many trials had a loss that can cure blur from uncertainty."""
        return sum(c.sharpens for c in self.trials)

    def progress(
        self, contender: Contender, distance: Callable[[Band, float], float] = Band.distance
    ) -> float:
        """Return how far a trial is from baseline (0) to target (1).

        By the gradient, as in the plan; by the peak where the baseline's gradient is reached.
        """
        for band, value, baseline in (
            (self.targets.gradient, contender.gradient, self.baseline.gradient),
            (self.targets.peak, contender.peak, self.baseline.peak),
        ):
            whole = distance(band, baseline)
            if whole > 0:
                return 1.0 - distance(band, value) / whole
        return 1.0

    def figures(self, contender: Contender) -> str:
        """Return gradient and peak of a trial beside their targets."""
        gradient, peak = self.targets.gradient, self.targets.peak
        units = f" {self.units}" if self.units else ""
        return (
            f"gradient {contender.gradient:.4g} ({_compared(contender.gradient, gradient)}), peak "
            f"{contender.peak:.4g}{units} ({_compared(contender.peak, peak)})"
        )


def by_score(contenders: Sequence[Contender]) -> list[Contender]:
    """Return trials, the best first; values within 0.001 are told apart by the RMSE."""
    ordered = sorted(contenders, key=lambda c: c.number)
    values = [c.score if c.value is None else c.value for c in ordered]
    return [ordered[i] for i in ranked(values, [c.rmse for c in ordered])]


def reaches(contender: Contender, targets: Targets) -> bool:
    """Return whether a trial lies inside both bands."""
    gradient = targets.gradient.distance(contender.gradient)
    return gradient == 0 and targets.peak.distance(contender.peak) == 0


def overshoots(contender: Contender, targets: Targets) -> bool:
    """Return whether a trial reaches both targets but lies above a ceiling."""
    above = contender.gradient >= targets.gradient.low and contender.peak >= targets.peak.low
    return above and not reaches(contender, targets)


def _shortfall(band: Band, value: float) -> float:
    """Return the distance to the target alone, 0 beyond it."""
    return band.distance(value) if value < band.low else 0.0


def _compared(value: float, band: Band) -> str:
    """Return the limit that a value is compared with, in digits enough to tell them apart."""
    side, limit = ("above the ceiling", band.high) if value > band.high else ("target", band.low)
    digits = next((d for d in (4, 5, 6, 7) if f"{limit:.{d}g}" != f"{value:.{d}g}"), 4)
    short = f", short by {limit - value:.2g}" if value < band.low and digits > 4 else ""
    return f"{side} {limit:.{digits}g}{short}"
