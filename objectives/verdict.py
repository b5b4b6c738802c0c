"""The verdict on a sweep: success, promising, stuck, gamed, nothing to fix or too early.

The plan: gradient and peak reached, success, go on to multi-scale; gradient above 2.5 on the way
from 2.133 to 3.0, keep tuning; still about 2.1, change something larger. Beyond it: sharpness that
breaks a guard is no success, and a baseline that is sharp enough needs no sweep.
The first of ``RULES`` that applies decides; adding an outcome is one rule in its place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.contenders import Contender, Contenders, overshoots, reaches
from fieldsharp.objectives.targets import Targets

CONFIRM_FIRST = "confirm it on new seeds and the test split with the confirm command, then "
"""How the next step begins after a success that was trained with one seed alone."""
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


class Verdict(Settings):
    """The outcome of a sweep, with its reason and the next step.

    Attributes:
        name: success, promising, stuck, gamed, nothing to fix, or too early to say.
        trial: The trial it is about; None where it is about no single one.
    """

    name: str
    reason: str
    next: str
    trial: int | None = None


def reach_verdict(
    contenders: Sequence[Contender], targets: Targets, units: str = "", to_come: int = 0
) -> Verdict:
    """Return the verdict on these trials: that of the first rule that applies.

    Args:
        contenders: All trials with a score, in any order.
        targets: The bands of gradient and peak.
        units: Of the field, for the reason.
        to_come: Trials the budget still has: what they may bring is not ruled out before.
    """
    results = Contenders(contenders, targets, units, to_come)
    rule = next(rule for rule in RULES if rule.applies(results))
    return Verdict(
        name=rule.verdict,
        reason=rule.reason(results),
        next=rule.next.format(tried=results.sharpening),
        trial=rule.trial(results).number if rule.trial else None,
    )


def succeeds(contender: Contender, targets: Targets) -> bool:
    """Return whether a trial reaches both targets and breaks no guard."""
    return not contender.broken and reaches(contender, targets)


def _baseline_suffices(results: Contenders) -> str:
    baseline, also = results.baseline, ""
    if baseline.broken:  # such as in fields whose few changes cannot be predicted
        name, words = baseline.broken[0]
        also = f"; it breaks the guard {name} ({words}), which no gradient term mends"
    if baseline.skill < LITTLE_SKILL:
        also += (
            f"; its skill over the last known frame is {baseline.skill:.2f}, and a net that only "
            "repeats that frame is always sharp"
        )
    return (
        "the baseline, trained without any gradient term, is inside the band already: "
        f"{results.figures(baseline)}{also}"
    )


def _winner_reaches(results: Contenders) -> str:
    winner, best = results.winners[0], results.valid[0]
    reason = (
        f"trial {winner.number} reaches both targets and breaks no guard: {results.figures(winner)}"
    )
    if best is winner:
        return reason
    return (
        f"{reason}; trial {best.number} has the lowest score, at a lower RMSE, and falls short of "
        f"a target, so name the other with --trial {winner.number}"
    )


def _baseline_untrained(results: Contenders) -> str:
    words = dict(results.baseline.broken)[USELESS]
    return f"the baseline is not trained: {words}, {results.figures(results.baseline)}"


def _trial_on_its_way(results: Contenders) -> str:
    trial = results.promising[0]
    reason = (
        f"trial {trial.number} comes {results.progress(trial):.0%} of the way from the baseline to "
        f"the targets: {results.figures(trial)}"
    )
    further = [c for c in results.gamed if reaches(c, results.targets)]
    if not further:
        return reason
    name, words = further[0].broken[0]
    return (
        f"{reason}; {len(further)} more reached the targets, but wrongly (first by guard {name}: "
        f"{words})"
    )


def _sharp_for_a_wrong_reason(results: Contenders) -> str:
    gamed = results.gamed[0]
    name, words = gamed.broken[0]
    others = f" ({len(gamed.broken)} guards in all)" if len(gamed.broken) > 1 else ""
    reached = reaches(gamed, results.targets)
    how_sharp = "sharp enough" if reached else "much sharper than the baseline"
    return (
        f"trial {gamed.number} is {how_sharp}, {results.figures(gamed)}, but for the wrong reason: "
        f"{words} (guard {name}){others}; no trial that breaks no guard comes near"
    )


def _no_trial_is_sharper(results: Contenders) -> str:
    if not results.valid:
        return (
            "every trial breaks a guard, and none is much sharper than the baseline, "
            f"{results.figures(results.baseline)}"
        )
    best = results.valid[0]
    return (
        f"the best that breaks no guard, trial {best.number}, is no sharper than "
        f"{results.figures(best)}"
    )


@dataclass(frozen=True)
class Rule:
    """An outcome of a sweep.

    Attributes:
        applies: Whether it is the outcome, where no rule before it is.
        next: What to do; ``{tried}`` in it is the number of trials with a loss that can sharpen.
        trial: The trial it is about; None where it is about no single one.
    """

    verdict: str
    applies: Callable[[Contenders], bool]
    reason: Callable[[Contenders], str]
    next: str
    trial: Callable[[Contenders], Contender] | None = None


RULES: tuple[Rule, ...] = (
    Rule(
        TOO_EARLY,
        applies=lambda results: not any(c.is_baseline for c in results.trials),
        reason=lambda _: "the baseline, which every trial is compared with, is not complete yet",
        next="wait for it",
    ),
    Rule(
        NOTHING_TO_FIX,
        applies=lambda results: (
            reaches(results.baseline, results.targets)
            and not (results.baseline.broken and results.winners)
        ),
        reason=_baseline_suffices,
        next="use the baseline; if you expected blur, train it longer (training.epochs), look at a "
        "longer lead, or set higher objective.targets",
        trial=lambda results: results.baseline,
    ),
    Rule(
        TOO_EARLY,
        applies=lambda results: len(results.complete) == 1,
        reason=lambda results: (
            f"no trial but the baseline is complete: {results.figures(results.baseline)}"
        ),
        next="wait for the first trials; if the sweep has ended, see in status why its trials "
        "failed, or give it more with --trials",
    ),
    Rule(
        SUCCESS,
        applies=lambda results: bool(results.winners),
        reason=_winner_reaches,
        next=f"{CONFIRM_FIRST}go on to multi-scale learning: fix its loss, set "
        "loss.peak_variant to multiscale and search peak_weight beside it",
        trial=lambda results: results.winners[0],
    ),
    Rule(
        STUCK,
        applies=lambda results: USELESS in dict(results.baseline.broken),
        reason=_baseline_untrained,
        next="run check; lower training.learning_rate or train longer, before any search",
    ),
    Rule(
        STUCK,
        applies=lambda results: overshoots(results.baseline, results.targets),
        reason=lambda results: (
            "the baseline, trained without any gradient term, is rougher than the field already, "
            f"{results.figures(results.baseline)}: that is not blur"
        ),
        next="train it better: more epochs, a lower learning rate, another width; no gradient "
        "term is needed",
    ),
    Rule(
        PROMISING,
        applies=lambda results: bool(results.promising),
        reason=_trial_on_its_way,
        next="keep tuning weight and learning rate: start the narrowed search in next.yaml, "
        "written where the sweep was started, or by export STUDY --next -o next.yaml",
        trial=lambda results: results.promising[0],
    ),
    Rule(
        TOO_EARLY,
        applies=lambda results: results.to_come > 0,
        reason=lambda results: (
            f"no trial is on its way to the targets yet, and {results.to_come} are to come; the "
            f"baseline has {results.figures(results.baseline)}"
        ),
        next="let the sweep go on",
    ),
    Rule(
        GAMED,
        applies=lambda results: bool(results.gamed),
        reason=_sharp_for_a_wrong_reason,
        next="do not use it; lower the range of gradient_weight, or search another loss_variant, "
        "such as amse_mix or sorted",
        trial=lambda results: results.gamed[0],
    ),
    Rule(
        STUCK,
        applies=lambda results: results.sharpening == 0,
        reason=lambda results: (
            f"{_no_trial_is_sharper(results)}; no loss that was tried can cure blur from "
            "uncertainty"
        ),
        next="change the loss class: have amse_mix, sorted, sorted_gradients or gdl2 tried, with "
        "more --trials where loss_variant names them already, else by naming them; if that does "
        "not help, the architecture",
    ),
    Rule(
        STUCK,
        applies=lambda results: results.sharpening < FEW_TRIALS,
        reason=_no_trial_is_sharper,
        next="give it more with --trials: only {tried} so far had a loss that can cure blur from "
        "uncertainty; if that does not help, change the architecture",
    ),
    Rule(
        STUCK,
        applies=lambda _: True,
        reason=_no_trial_is_sharper,
        next="change the architecture: search predictor.name (simvp, or ensemble, whose members "
        "are trained with the CRPS) or predictor.width",
    ),
)
"""The outcomes, in order: the first that applies is the verdict."""
