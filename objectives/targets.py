"""Targets and ceilings of gradient and peak, and the distance of a value from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import unknown
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import ObjectiveSettings, TargetSettings

DISTANCE_OF_NOTHING = 3.0
"""Of a value that is not above its offset, and so has no logarithm."""


@dataclass(frozen=True)
class Band:
    """From target to ceiling, measured above an offset.

    Attributes:
        low: The target, in physical units.
        high: The ceiling, in physical units.
        offset: Subtracted from value, target and ceiling alike before they are compared: for the
            peak the observed mean, since in kelvin every raw peak is within 5 % of the observed.
    """

    low: float
    high: float
    offset: float = 0.0

    def distance(self, value: float) -> float:
        """Return max(0, ln(low / x), ln(x / high)), 3 where x (above the offset) is at most 0."""
        above = value - self.offset
        if not above > 0:
            return DISTANCE_OF_NOTHING
        low, high = self.low - self.offset, self.high - self.offset
        return max(0.0, math.log(low / above), math.log(above / high))

    def nearly_holds(self, value: float) -> bool:
        """Return whether a value misses the band by at most half its width: by what splits differ.

        The width is that of the logarithms.
        """
        width = math.log((self.high - self.offset) / (self.low - self.offset))
        return self.distance(value) <= 0.5 * width

    def off_centre(self, value: float) -> float:
        """Return |ln(x / centre)| with the geometric centre of the band, 3 where x is at most 0."""
        above = value - self.offset
        if not above > 0:
            return DISTANCE_OF_NOTHING
        return abs(
            math.log(above) - 0.5 * math.log((self.low - self.offset) * (self.high - self.offset))
        )


@dataclass(frozen=True)
class Targets:
    """The bands that gradient and peak must lie in.

    Attributes:
        variable: Whose they are; "" of a single variable, which needs no name.
        others: Those of every other predicted variable, by name.
    """

    gradient: Band
    peak: Band
    variable: str = field(default="", repr=False)
    others: Mapping[str, "Targets"] = field(default_factory=dict, repr=False)

    @property
    def by_variable(self) -> dict[str, "Targets"]:
        """The targets of each variable alone, by name, the first first."""
        if not self.others:
            return {self.variable: self}
        return {self.variable: replace(self, others={}), **self.others}


def resolve_targets(
    settings: ObjectiveSettings,
    observed: Mapping[str, float],
    *,
    chosen_elsewhere: bool = False,
    variable: str = "",
) -> Targets:
    """Turn target settings into the bands of one variable.

    Args:
        settings: Numbers or ``auto``.
        observed: ``gradient_observed``, ``peak_observed`` and ``mean_observed`` of the split the
            forecasts are scored on, physical units.
        chosen_elsewhere: Whether numbers were chosen for another split than this one. They are
            then taken as they are: one beyond the ceiling raises it instead of being refused.
        variable: Whose targets are wanted, where some are set by name.

    Raises:
        ConfigError: If a target lies at or above its ceiling, or a peak target below the mean.
    """
    gradient, peak = observed["gradient_observed"], observed["peak_observed"]
    bands = _Bands(settings, variable, chosen_elsewhere)
    return Targets(
        gradient=bands.band("gradient", gradient, 0.0),
        peak=bands.band("peak", peak, observed["mean_observed"]),
    )


def resolve_all_targets(
    settings: ObjectiveSettings,
    observed: MetricValues,
    variables: Sequence[str],
    *,
    chosen_elsewhere: bool = False,
) -> Targets:
    """Turn target settings into the bands of every predicted variable.

    Args:
        settings: Numbers or ``auto``.
        observed: Metrics of any forecast of the split the forecasts are scored on.
        variables: Names of the predicted variables, the first first.
        chosen_elsewhere: See ``resolve_targets``.

    Raises:
        ConfigError: As ``resolve_targets``, or if a target is set for none of the variables.
    """
    for name in settings.targets.by_name:
        if name not in variables:
            raise ConfigError(f"objective.targets: {unknown('variable', name, variables)}")
    first, *others = (
        resolve_targets(
            settings, observed.of(name).overall, chosen_elsewhere=chosen_elsewhere, variable=name
        )
        for name in variables
    )
    if not others:
        return first
    return replace(
        first, variable=variables[0], others=dict(zip(variables[1:], others, strict=True))
    )


def targets_already_reached(
    given: TargetSettings, targets: Targets, gradient: float, peak: float, variable: str = ""
) -> list[str]:
    """Return a sentence for each target given as a number that the baseline reaches anyway.

    Args:
        given: The settings.
        targets: Of one variable.
        gradient: Of the baseline.
        peak: Of the baseline.
        variable: Its name, where targets are set by name.
    """
    return [
        f"the target of the {name}, {band.low:.6g}, lies below the {value:.6g} that the baseline "
        "reaches without any gradient term, so it asks nothing of the search; raise "
        f"{given.setting(name, variable)} or use auto"
        for name, band, value in (
            ("gradient", targets.gradient, gradient),
            ("peak", targets.peak, peak),
        )
        if given.of(variable, name) != "auto" and math.isfinite(value) and value >= band.low
    ]


@dataclass(frozen=True)
class _Bands:
    """Makes the bands of a variable from its targets."""

    settings: ObjectiveSettings
    variable: str
    chosen_elsewhere: bool

    def band(self, name: str, observed: float, offset: float) -> Band:
        settings, targets = self.settings, self.settings.targets
        above = observed - offset
        given = targets.of(self.variable, name)
        setting = targets.setting(name, self.variable)
        low = offset + settings.auto_share * above if given == "auto" else float(given)
        high = offset + settings.ceiling_share * above
        if low <= offset:
            raise ConfigError(
                f"{setting} is {low:.6g}, not above {offset:.6g}"
                f"{', the observed mean a peak is measured from' if name == 'peak' else ''}; "
                "give a larger number or auto"
            )
        if low > high and not self.chosen_elsewhere:
            raise ConfigError(
                f"{setting} is {low:.6g}, beyond the ceiling {high:.6g} "
                f"({settings.ceiling_share:g} x the observed {observed:.6g}"
                f"{' above the mean' if offset else ''}); a forecast that sharp would not be true "
                "to the field, so lower the target or use auto"
            )
        return Band(low=low, high=max(low, high), offset=offset)
