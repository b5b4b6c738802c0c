"""A trial or a reference as the verdict compares it, and how near its targets it comes."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from fieldsharp.objectives.guards import guard_name
from fieldsharp.objectives.guards_of_members import EVERY_GUARD
from fieldsharp.objectives.targets import Band, Targets

USELESS = "climatology"
"""The guard that a baseline breaks which is no better than each cell's mean."""
ERROR_GUARDS = frozenset({"rmse", "mean_rmse", "spread_most", USELESS})
"""Guards with an upper limit that are not against too much sharpness."""


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
        variants: The terms it was trained with, by name.
        sharpener: The sharpener it is judged with; "" for none.
        rmse: Root mean square error, physical units.
        skill: Over the last known frame, 1 - MSE / MSE of persistence.
        is_complete: Whether it was trained to its end; one that was not, because others were
            better on the way, cannot win, but was tried.
        epochs: Trained.
        by_variable: The same in each predicted variable by itself, where there are several: the
            score is then the mean of theirs, ``broken`` has the guards of all, and gradient and
            peak are those of the first.
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
    epochs: int = 0
    variants: tuple[str, ...] = ()
    sharpener: str = ""
    by_variable: Mapping[str, "Contender"] = field(default_factory=dict)

    @property
    def exceeds(self) -> bool:
        """Whether it breaks a guard against too much sharpness."""
        return any(
            name in EVERY_GUARD and EVERY_GUARD[name].at_most and name not in ERROR_GUARDS
            for name in (guard_name(one) for one, _ in self.broken)
        )


@dataclass(frozen=True)
class ReferenceForecast:
    """The baseline under a sharpener, without any further training; physical units.

    Attributes:
        by_variable: The same in each predicted variable by itself, where there are several.
    """

    sharpener: str
    score: float
    gradient: float
    peak: float
    rmse: float
    by_variable: Mapping[str, "ReferenceForecast"] = field(default_factory=dict)


Forecast = Contender | ReferenceForecast


def reaches(forecast: Forecast, targets: Targets) -> bool:
    """Return whether a forecast lies inside both bands, of each variable."""
    return all(
        bands.gradient.distance(one.gradient) == 0 and bands.peak.distance(one.peak) == 0
        for one, bands in in_each(forecast, targets)
    )


def nearly_reaches(contender: Contender, targets: Targets) -> bool:
    """Return whether a forecast misses the bands by no more than what splits differ by."""
    return all(
        bands.gradient.nearly_holds(one.gradient) and bands.peak.nearly_holds(one.peak)
        for one, bands in in_each(contender, targets)
    )


def in_variable(forecast: Forecast, variable: str) -> Forecast:
    """Return a forecast in one variable; itself where there is a single one."""
    return forecast.by_variable[variable] if forecast.by_variable else forecast


def in_each(forecast: Forecast, targets: Targets) -> Iterator[tuple[Forecast, Targets]]:
    """Yield a forecast in each variable, beside the targets of that variable."""
    for name, bands in targets.by_variable.items():
        yield in_variable(forecast, name), bands


def progress(
    forecast: Forecast,
    baseline: Forecast,
    targets: Targets,
    distance: Callable[[Band, float], float] = Band.distance,
) -> float:
    """Return how far a forecast is from baseline (0) to target (1).

    By the gradient, as in the plan; by the peak where the baseline's gradient is reached. Of
    several variables by that in which it is the least far.
    """
    baselines = (one for one, _ in in_each(baseline, targets))
    return min(
        _progress(one, of_baseline, bands, distance)
        for (one, bands), of_baseline in zip(in_each(forecast, targets), baselines, strict=True)
    )


def _progress(
    forecast: Forecast,
    baseline: Forecast,
    targets: Targets,
    distance: Callable[[Band, float], float],
) -> float:
    for band, value, of_baseline in (
        (targets.gradient, forecast.gradient, baseline.gradient),
        (targets.peak, forecast.peak, baseline.peak),
    ):
        whole = distance(band, of_baseline)
        if whole > 0:
            return 1.0 - distance(band, value) / whole
    return 1.0


def shortfall(band: Band, value: float) -> float:
    """Return the distance to the target alone, 0 beyond it."""
    return band.distance(value) if value < band.low else 0.0
