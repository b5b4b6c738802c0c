"""The trials of a sweep compared with its baseline and its targets."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from fieldsharp.objectives.guards import guard_name
from fieldsharp.objectives.guards_of_members import EVERY_GUARD
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.objectives.verdicts.confirmed import ConfirmedResult
from fieldsharp.objectives.verdicts.reach import LeadOutOfReach
from fieldsharp.objectives.verdicts.training_signs import TrainingSigns

USELESS = "climatology"
"""The guard that a baseline breaks which is no better than each cell's mean."""
ERROR_GUARDS = frozenset({"rmse", "mean_rmse", "spread_most", USELESS})
"""Guards with an upper limit that are not against too much sharpness."""
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


@dataclass(frozen=True)
class Contenders:
    """The trials of a sweep compared with its targets.

    Lists of trials have the best score first. Of several predicted variables a forecast reaches the
    targets if it does in each, and is as far on its way to them as where it is the least far.

    Attributes:
        trials: All trials with a score, in any order.
        units: Of the field, for the figures; of each of several variables by its name.
        to_come: Trials the budget still has.
        reference: The best of the baseline's sharpened forecasts that break no guard; None where
            there is none.
        leads: Of trials over that reference, by number of the trial.
        training: How the baseline was trained; None if not known.
        confirmed: What came of new seeds; None where nothing was confirmed.
        out_of_reach: Leads at which full sharpness costs more error than each cell's mean has.
        of_members: Whether members are judged together: a trial then has to be ahead of every
            ensemble that needs no training.
        members_next: Whether a sweep of members can follow this one.
    """

    trials: Sequence[Contender]
    targets: Targets
    units: str | Mapping[str, str] = ""
    to_come: int = 0
    reference: ReferenceForecast | None = None
    leads: Mapping[int, Lead] = field(default_factory=dict)
    training: TrainingSigns | None = None
    confirmed: ConfirmedResult | None = None
    out_of_reach: Sequence[LeadOutOfReach] = ()
    of_members: bool = False
    members_next: bool = False

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
    def sharp(self) -> list[Contender]:
        """The valid trials beside the baseline that reach both targets.

        The best by score need not be one: its RMSE may make up for a target just missed.
        """
        return [c for c in self.valid if reaches(c, self.targets) and not c.is_baseline]

    @cached_property
    def winners(self) -> list[Contender]:
        """The sharp trials that are ahead of the best reference by more than chance.

        Of those that were trained with new seeds only the best that held there.
        """
        held = self.confirmed.trial if self.confirmed is not None else None
        found = [c for c in self.complete if held is not None and c.number == held.trial]
        return found + [c for c in self.unconfirmed if self.is_ahead(c)]

    @cached_property
    def unconfirmed(self) -> list[Contender]:
        """The sharp trials that are better than every one that was trained with new seeds."""
        known = self.confirmed
        return list(takewhile(lambda c: known is None or not known.of_trial(c.number), self.sharp))

    def is_ahead(self, contender: Contender) -> bool:
        """Return whether a trial is ahead of the best reference, if there is one, beyond chance."""
        lead = self.leads.get(contender.number)
        if lead is None:
            return self.reference is None and not self.of_members
        return lead.more_than_chance

    @cached_property
    def is_blurred(self) -> bool:
        """Whether gradient or peak of the baseline lie below their targets."""
        return any(
            one.gradient < targets.gradient.low or one.peak < targets.peak.low
            for one, targets in _in_each(self.baseline, self.targets)
        )

    @property
    def all_targets(self) -> str:
        """What a sharp forecast reaches, in words."""
        return "the targets of every variable" if self.targets.others else "both targets"

    @cached_property
    def suffices(self) -> bool:
        """Whether the baseline is as sharp as is asked for, breaking no guard against excess."""
        return not self.is_blurred and not self.baseline.exceeds

    @cached_property
    def sharp_reference(self) -> ReferenceForecast | None:
        """The best reference, where it reaches both targets."""
        found = self.reference
        return found if found is not None and reaches(found, self.targets) else None

    @cached_property
    def refuted(self) -> bool:
        """Whether a confirmation failed: what seemed better than the baseline was not.

        Where a sharp trial or a sharp reference was to be confirmed, it failed if none held; else
        if no trial was better than the baseline.
        """
        known = self.confirmed
        if known is None or known.best is not None:
            return False
        tested = any(known.of_trial(c.number) is not None for c in self.sharp)
        gains = any(one.gains for one in known.ranking if not one.is_reference)
        return tested or self.sharp_reference is not None or not gains

    @cached_property
    def promising(self) -> list[Contender]:
        """The trials without a broken guard that are far enough from the baseline to go on.

        Complete ones first. The best by score need not be one: its peak may make up for a gradient
        that another trial has come further with. None is that was no better with new seeds.
        """
        given_up = by_score([c for c in self.trials if not c.is_complete and not c.broken])
        known = self.confirmed
        lost = {one.trial for one in known.ranking if not one.gains} if known is not None else set()
        return [
            c
            for c in (*self.valid, *given_up)
            if c.score < self.baseline.score
            and self.progress(c) >= PROMISING_SHARE
            and c.number not in lost
        ]

    @cached_property
    def gamed(self) -> list[Contender]:
        """The trials that would be promising or better but for a guard, complete ones first.

        One that overshoots the band is meant too: noise knows no ceiling. One that was given up on
        the way must break a guard against excess: an error that is too large might have fallen.
        """
        given_up = by_score([c for c in self.trials if not c.is_complete and c.exceeds])
        return [
            c
            for c in (*self.complete, *given_up)
            if c.broken and not c.is_baseline and self.progress(c, _shortfall) >= PROMISING_SHARE
        ]

    @cached_property
    def refused_variants(self) -> set[str]:
        """The loss terms of the trials that are sharp for a wrong reason."""
        return {variant for c in self.gamed for variant in c.variants}

    @cached_property
    def sharpening(self) -> int:
        """How many trials had a loss that can cure blur from uncertainty."""
        return sum(c.sharpens for c in self.trials)

    def progress(
        self, contender: Contender, distance: Callable[[Band, float], float] = Band.distance
    ) -> float:
        """Return how far a trial is from baseline (0) to target (1).

        By the gradient, as in the plan; by the peak where the baseline's gradient is reached. Of
        several variables by that in which it is the least far.
        """
        baselines = (one for one, _ in _in_each(self.baseline, self.targets))
        return min(
            _progress(one, baseline, targets, distance)
            for (one, targets), baseline in zip(
                _in_each(contender, self.targets), baselines, strict=True
            )
        )

    def figures(self, forecast: Forecast) -> str:
        """Return gradient and peak of a forecast beside their targets, of each variable."""
        return "; ".join(
            named(name, self._figures_of(_in(forecast, name), targets, name))
            for name, targets in self.targets.by_variable.items()
        )

    def _figures_of(self, forecast: Forecast, targets: Targets, variable: str) -> str:
        own = self.units if isinstance(self.units, str) else self.units.get(variable, "")
        units = f" {own}" if own else ""
        gradient, peak = forecast.gradient, forecast.peak
        return (
            f"gradient {gradient:.4g} ({_compared(gradient, targets.gradient)}), "
            f"peak {peak:.4g}{units} ({_compared(peak, targets.peak)})"
        )


def by_score(contenders: Sequence[Contender]) -> list[Contender]:
    """Return trials, the best first; values within 0.001 are told apart by the RMSE."""
    ordered = sorted(contenders, key=lambda c: c.number)
    values = [c.score if c.value is None else c.value for c in ordered]
    return [ordered[i] for i in ranked(values, [c.rmse for c in ordered])]


def reaches(forecast: Forecast, targets: Targets) -> bool:
    """Return whether a forecast lies inside both bands, of each variable."""
    return all(
        bands.gradient.distance(one.gradient) == 0 and bands.peak.distance(one.peak) == 0
        for one, bands in _in_each(forecast, targets)
    )


def nearly_reaches(contender: Contender, targets: Targets) -> bool:
    """Return whether a forecast misses the bands by no more than what splits differ by."""
    return all(
        bands.gradient.nearly_holds(one.gradient) and bands.peak.nearly_holds(one.peak)
        for one, bands in _in_each(contender, targets)
    )


def _in(forecast: Forecast, variable: str) -> Forecast:
    return forecast.by_variable[variable] if forecast.by_variable else forecast


def _in_each(forecast: Forecast, targets: Targets) -> Iterator[tuple[Forecast, Targets]]:
    """Yield a forecast in each variable, beside the targets of that variable."""
    for name, bands in targets.by_variable.items():
        yield _in(forecast, name), bands


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


def _shortfall(band: Band, value: float) -> float:
    """Return the distance to the target alone, 0 beyond it."""
    return band.distance(value) if value < band.low else 0.0


def _compared(value: float, band: Band) -> str:
    """Return the limit that a value is compared with, in digits enough to tell them apart."""
    side, limit = ("above the ceiling", band.high) if value > band.high else ("target", band.low)
    digits = next((d for d in (4, 5, 6, 7) if f"{limit:.{d}g}" != f"{value:.{d}g}"), 4)
    short = f", short by {limit - value:.2g}" if value < band.low and digits > 4 else ""
    return f"{side} {limit:.{digits}g}{short}"
