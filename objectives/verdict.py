"""What a sweep comes to, in words a person can act on: the plan's table, and beyond it.

The plan: gradient and peak reached, success, go on to multi-scale; gradient above 2.5 on the way
from 2.133 to 3.0, keep tuning; still about 2.1, change something larger. Beyond it: sharpness that
breaks a guard is no success, and a baseline that is sharp enough needs no sweep.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.settings import TargetSettings
from fieldsharp.objectives.targets import Band, Targets

CONFIRM_FIRST = "confirm it on new seeds and the test split with the confirm command, then "
"""What the next step begins with after a success that one seed alone has seen."""
SUCCESS = "success"
PROMISING = "promising"
STUCK = "stuck"
GAMED = "gamed"
NOTHING_TO_FIX = "nothing to fix"
TOO_EARLY = "too early"

USELESS = "climatology"
"""The guard that a baseline breaks which is no better than each cell's mean."""
FEW_TRIALS = 5
LITTLE_SKILL = 0.02
PROMISING_SHARE = 0.45
"""Of the way from baseline to target on the score's logarithmic scale: 2.5, the plan's mark between
2.133 and 3.0, is 0.47 of it."""


class Verdict(Settings):
    """What a sweep comes to.

    Attributes:
        name: success, promising, stuck, gamed, nothing to fix, or too early to say.
        reason: Why, with the figures.
        next: What to do.
        trial: The trial it is about; None where it is about no single one.
    """

    name: str
    reason: str
    next: str
    trial: int | None = None


@dataclass(frozen=True)
class Contender:
    """What the verdict needs to know of a complete trial.

    Attributes:
        number: The trial.
        score: The lower the better.
        gradient: Predicted mean gradient, physical units.
        peak: Predicted mean peak, physical units.
        broken: The guards it breaks, name and words, the most broken first.
        sharpens: Whether it was trained with a term that can cure blur from uncertainty.
        is_baseline: Whether it is the baseline.
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
    skill: float = 1.0
    is_complete: bool = True


def reach_verdict(
    contenders: Sequence[Contender], targets: Targets, units: str = "", to_come: int = 0
) -> Verdict:
    """Return what these trials come to.

    Args:
        contenders: All trials that were judged, in any order.
        targets: The bands of gradient and peak.
        units: Of the field, for the reason.
        to_come: Trials the budget still has: what they may bring is not ruled out before.
    """
    complete = [c for c in contenders if c.is_complete]
    judged = _Judged(complete, targets, units)
    baseline = next((c for c in contenders if c.is_baseline), None)
    if baseline is None:
        return Verdict(
            name=TOO_EARLY,
            reason="the baseline, which every trial is compared with, is not complete yet",
            next="wait for it",
        )
    honest = sorted((c for c in complete if not c.broken), key=_rank)
    # Not only the best by score: its RMSE may make up for a target just missed, or its peak for a
    # gradient that another trial has come further with.
    winner = next((c for c in honest if judged.reached(c)), None)
    if judged.reached(baseline) and (winner is None or not baseline.broken):
        return _nothing_to_fix(baseline, judged)
    if len(complete) == 1:
        return Verdict(
            name=TOO_EARLY,
            reason=f"no trial but the baseline is complete: {judged.figures(baseline)}",
            next="wait for the first trials; if the sweep has ended, see in status why its trials "
            "failed, or give it more with --trials",
        )
    if winner is not None:
        return Verdict(
            name=SUCCESS,
            reason=f"trial {winner.number} reaches both targets and breaks no guard: "
            f"{judged.figures(winner)}{judged.though_not_first(winner, honest[0])}",
            trial=winner.number,
            next=f"{CONFIRM_FIRST}go on to multi-scale learning: fix its loss, set "
            "loss.peak_variant to multiscale and search peak_weight beside it",
        )
    useless = next((words for name, words in baseline.broken if name == USELESS), None)
    if useless is not None:
        return Verdict(
            name=STUCK,
            reason=f"the baseline is not trained: {useless}, {judged.figures(baseline)}",
            next="run check; lower training.learning_rate or train longer, before any search",
        )
    if judged.overshoots(baseline):
        return Verdict(
            name=STUCK,
            reason="the baseline, trained without any gradient term, is rougher than the field "
            f"already, {judged.figures(baseline)}: that is not blur",
            next="train it better: more epochs, a lower learning rate, another width; no gradient "
            "term is needed",
        )
    promising = next(
        (c for c in honest if c.score < baseline.score and judged.is_on_the_way(c, baseline)), None
    )
    if promising is not None:
        return Verdict(
            name=PROMISING,
            reason=f"trial {promising.number} comes "
            f"{judged.share_of_the_way(promising, baseline):.0%} of the way from the baseline to "
            f"the targets: {judged.figures(promising)}{judged.also_gamed()}",
            trial=promising.number,
            next="keep tuning weight and learning rate: start the narrowed search in next.yaml, "
            "written where the sweep was started, or by export STUDY --next -o next.yaml",
        )
    if to_come > 0:
        return Verdict(
            name=TOO_EARLY,
            reason=f"no trial is on its way to the targets yet, and {to_come} are to come; the "
            f"baseline has {judged.figures(baseline)}",
            next="let the sweep go on",
        )
    cheat = judged.best_cheat(baseline)
    if cheat is not None:
        name, words = cheat.broken[0]
        others = f" ({len(cheat.broken)} guards in all)" if len(cheat.broken) > 1 else ""
        how_sharp = "sharp enough" if judged.reached(cheat) else "much sharper than the baseline"
        return Verdict(
            name=GAMED,
            trial=cheat.number,
            reason=f"trial {cheat.number} is {how_sharp}, {judged.figures(cheat)}, but for the "
            f"wrong reason: {words} (guard {name}){others}; no trial that breaks no guard comes "
            "near",
            next="do not use it; lower the range of gradient_weight, or search another "
            "loss_variant, such as amse_mix or sorted",
        )
    tried = sum(c.sharpens for c in contenders)
    best = (
        f"the best that breaks no guard, trial {honest[0].number}, is no sharper than "
        f"{judged.figures(honest[0])}"
        if honest
        else "every trial breaks a guard, and none is much sharper than the baseline, "
        f"{judged.figures(baseline)}"
    )
    if tried == 0:
        best += "; no loss that was tried can cure blur from uncertainty"
    return Verdict(name=STUCK, reason=best, next=_way_out(tried))


def succeeds(contender: Contender, targets: Targets) -> bool:
    """Return whether a trial reaches both targets and breaks no guard."""
    return not contender.broken and _Judged((), targets, "").reached(contender)


def _way_out(tried: int) -> str:
    """Return what to do, by how many trials had a loss that can sharpen."""
    if tried == 0:
        return (
            "change the loss class: have amse_mix, sorted, sorted_gradients or gdl2 tried, with "
            "more --trials where loss_variant names them already, else by naming them; if that "
            "does not help, the architecture"
        )
    if tried < FEW_TRIALS:
        return (
            f"give it more with --trials: only {tried} so far had a loss that can cure blur from "
            "uncertainty; if that does not help, change the architecture"
        )
    return (
        "change the architecture: search predictor.name (simvp, or ensemble, whose members are "
        "trained with the CRPS) or predictor.width"
    )


def _nothing_to_fix(baseline: Contender, judged: "_Judged") -> Verdict:
    also = ""
    if baseline.broken:  # as where what little moves cannot be foretold at all
        name, words = baseline.broken[0]
        also = f"; it breaks the guard {name} ({words}), which no gradient term mends"
    if baseline.skill < LITTLE_SKILL:
        also += (
            f"; its skill over the last known frame is {baseline.skill:.2f}, and a net that only "
            "repeats that frame is always sharp"
        )
    return Verdict(
        name=NOTHING_TO_FIX,
        reason="the baseline, trained without any gradient term, is inside the band already: "
        f"{judged.figures(baseline)}{also}",
        trial=baseline.number,
        next="use the baseline; if you expected blur, train it longer (training.epochs), look at a "
        "longer lead, or set higher objective.targets",
    )


def _rank(contender: Contender) -> tuple[float, int]:
    return contender.score, contender.number


@dataclass(frozen=True)
class _Judged:
    """Trials beside their targets."""

    contenders: Sequence[Contender]
    targets: Targets
    units: str

    def reached(self, contender: Contender) -> bool:
        gradient = self.targets.gradient.distance(contender.gradient)
        return gradient == 0 and self.targets.peak.distance(contender.peak) == 0

    def overshoots(self, contender: Contender) -> bool:
        """Return whether a trial reaches both targets but lies above a ceiling."""
        gradient, peak = self.targets.gradient, self.targets.peak
        reaches = contender.gradient >= gradient.low and contender.peak >= peak.low
        return reaches and not self.reached(contender)

    def share_of_the_way(self, contender: Contender, baseline: Contender) -> float:
        """Return how far a trial is from baseline (0) to target (1).

        By the gradient, as in the plan; by the peak where the baseline's gradient is reached.
        """
        return self._share(contender, baseline, Band.distance)

    def _share(
        self, contender: Contender, baseline: Contender, lacking: Callable[[Band, float], float]
    ) -> float:
        for band, here, there in (
            (self.targets.gradient, contender.gradient, baseline.gradient),
            (self.targets.peak, contender.peak, baseline.peak),
        ):
            whole = lacking(band, there)
            if whole > 0:
                return 1.0 - lacking(band, here) / whole
        return 1.0

    def is_on_the_way(self, contender: Contender, baseline: Contender) -> bool:
        """Return whether a trial is far enough from the baseline for more of the same."""
        return self.share_of_the_way(contender, baseline) >= PROMISING_SHARE

    def best_cheat(self, baseline: Contender) -> Contender | None:
        """Return the trial that would be promising or better but for a guard.

        One that overshoots the band is meant too: noise knows no ceiling.
        """
        cheats = (
            c
            for c in self.contenders
            if c.broken
            and not c.is_baseline
            and self._share(c, baseline, _shortfall) >= PROMISING_SHARE
        )
        return min(cheats, key=_rank, default=None)

    def though_not_first(self, winner: Contender, first: Contender) -> str:
        if first is winner:
            return ""
        return (
            f"; trial {first.number} has the lowest score, at a lower RMSE, and falls short of a "
            f"target, so name the other with --trial {winner.number}"
        )

    def also_gamed(self) -> str:
        cheats = [c for c in self.contenders if c.broken and self.reached(c)]
        if not cheats:
            return ""
        name, words = min(cheats, key=_rank).broken[0]
        return (
            f"; {len(cheats)} more reached the targets, but wrongly (first by guard {name}: "
            f"{words})"
        )

    def figures(self, contender: Contender) -> str:
        gradient, peak = self.targets.gradient, self.targets.peak
        units = f" {self.units}" if self.units else ""
        return (
            f"gradient {contender.gradient:.4g} ({_beside(contender.gradient, gradient)}), peak "
            f"{contender.peak:.4g}{units} ({_beside(contender.peak, peak)})"
        )


def _shortfall(band: Band, value: float) -> float:
    """Return the distance to the target alone, 0 beyond it."""
    return band.distance(value) if value < band.low else 0.0


def _beside(value: float, band: Band) -> str:
    """Return where a value lies, with digits enough to tell it from what it is compared with."""
    side, limit = ("above the ceiling", band.high) if value > band.high else ("target", band.low)
    digits = next((d for d in (4, 5, 6, 7) if f"{limit:.{d}g}" != f"{value:.{d}g}"), 4)
    short = f", short by {limit - value:.2g}" if value < band.low and digits > 4 else ""
    return f"{side} {limit:.{digits}g}{short}"


def asks_nothing(
    given: TargetSettings, targets: Targets, gradient: float, peak: float
) -> list[str]:
    """Return a sentence for each target given as a number that the baseline reaches anyway."""
    return [
        f"the target of the {name}, {band.low:.6g}, lies below the {value:.6g} that the baseline "
        "reaches without any gradient term, so it asks nothing of the search; raise "
        f"objective.targets.{name} or use auto"
        for name, band, value in (
            ("gradient", targets.gradient, gradient),
            ("peak", targets.peak, peak),
        )
        if getattr(given, name) != "auto" and math.isfinite(value) and value >= band.low
    ]
