"""The trials of a sweep compared with its baseline, its targets and what needs no training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.objectives.verdicts.compared_trials import ComparedTrials
from fieldsharp.objectives.verdicts.confirmed import ConfirmedResult
from fieldsharp.objectives.verdicts.contender import (
    Contender,
    Forecast,
    ReferenceForecast,
    in_each,
    in_variable,
    progress,
    reaches,
)
from fieldsharp.objectives.verdicts.reach import LeadOutOfReach
from fieldsharp.objectives.verdicts.training_signs import TrainingSigns


@dataclass(frozen=True)
class Contenders:
    """The trials of a sweep compared with its targets.

    Lists of trials have the best score first. Of several predicted variables a forecast reaches the
    targets if it does in each, and is as far on its way to them as where it is the least far.

    Attributes:
        trials: All trials with a score, in any order; ``ComparedTrials`` of the same targets are
            ranked already.
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
    def compared(self) -> ComparedTrials:
        """The trials in the orders that are needed here."""
        if isinstance(self.trials, ComparedTrials) and self.trials.targets == self.targets:
            return self.trials
        return ComparedTrials(self.targets, self.trials)

    @property
    def complete(self) -> Sequence[Contender]:
        """The trials that were trained to their end, the best score first."""
        return self.compared.complete

    @property
    def baseline(self) -> Contender:
        """The baseline; only the first rule applies where there is none."""
        found = self.compared.baseline
        assert found is not None, "the first rule checks it"
        return found

    @property
    def valid(self) -> Sequence[Contender]:
        """The complete trials that break no guard."""
        return self.compared.valid

    @property
    def sharp(self) -> Sequence[Contender]:
        """The valid trials beside the baseline that reach both targets.

        The best by score need not be one: its RMSE may make up for a target just missed.
        """
        return self.compared.sharp

    @cached_property
    def winners(self) -> list[Contender]:
        """The sharp trials that are ahead of the best reference by more than chance.

        Of those that were trained with new seeds only the best that held there.
        """
        held = self.confirmed.trial if self.confirmed is not None else None
        found = [] if held is None else [c for c in self.complete if c.number == held.trial]
        return found + [c for c in self.unconfirmed if self.is_ahead(c)]

    @cached_property
    def unconfirmed(self) -> Sequence[Contender]:
        """The sharp trials that are better than every one that was trained with new seeds."""
        known = self.confirmed
        if known is None:
            return self.sharp
        return list(takewhile(lambda c: not known.of_trial(c.number), self.sharp))

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
            for one, targets in in_each(self.baseline, self.targets)
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
        known = self.confirmed
        lost = {one.trial for one in known.ranking if not one.gains} if known is not None else set()
        found = self.compared.promising
        return [c for c in found if c.number not in lost] if lost else found

    @cached_property
    def gamed(self) -> list[Contender]:
        """The trials that would be promising or better but for a guard, complete ones first."""
        return self.compared.gamed

    @property
    def refused_variants(self) -> set[str]:
        """The loss terms of the trials that are sharp for a wrong reason."""
        return self.compared.refused

    @property
    def sharpening(self) -> int:
        """How many trials had a loss that can cure blur from uncertainty."""
        return self.compared.sharpening

    def progress(self, contender: Contender) -> float:
        """Return how far a trial is from baseline (0) to target (1); see ``contender.progress``."""
        return progress(contender, self.baseline, self.targets)

    def figures(self, forecast: Forecast) -> str:
        """Return gradient and peak of a forecast beside their targets, of each variable."""
        return "; ".join(
            named(name, self._figures_of(in_variable(forecast, name), targets, name))
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


def _compared(value: float, band: Band) -> str:
    """Return the limit that a value is compared with, in digits enough to tell them apart."""
    side, limit = ("above the ceiling", band.high) if value > band.high else ("target", band.low)
    digits = next((d for d in (4, 5, 6, 7) if f"{limit:.{d}g}" != f"{value:.{d}g}"), 4)
    short = f", short by {limit - value:.2g}" if value < band.low and digits > 4 else ""
    return f"{side} {limit:.{digits}g}{short}"
