"""The verdict on a sweep: what a person should do now, by a table of rules.

The plan: gradient and peak reached, success, go on to multi-scale; gradient above 2.5 on the way
from 2.133 to 3.0, keep tuning; still about 2.1, change something larger. Beyond it: sharpness that
breaks a guard is no success, a baseline that is sharp enough needs no sweep, one that was trained
too briefly none yet, and a trained net has to be ahead of what needs no training.
The first of ``RULES`` that applies decides; adding a verdict is one rule in its place, and its
reason in ``reasons.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.verdicts import reasons
from fieldsharp.objectives.verdicts.contender import Contender
from fieldsharp.objectives.verdicts.contenders import Contenders

CONFIRM_FIRST = "confirm it on new seeds and the test split with the confirm command, then "
"""How the next step begins after a success that was trained with one seed alone."""
SUCCESS = "success"
SHARPEN = "sharpen"
PROMISING = "promising"
TRAIN_LONGER = "train longer"
STUCK = "stuck"
GAMED = "gamed"
NOTHING_TO_FIX = "nothing to fix"
NOT_CONFIRMED = "not confirmed"
TOO_EARLY = "too early"

FEW_TRIALS = 5


class Verdict(Settings):
    """The outcome of a sweep, with its reason and the next step.

    Attributes:
        name: One of the verdicts of ``RULES``.
        trial: The trial it is about; None where it is about no single one.
        sharpening: The sharpener of that trial's forecast, of the baseline's under ``sharpen``;
            None where there is none.
        variables: That on each predicted variable by itself, where there are several; the others
            are on all of them at once, and may differ: a trial that is a success in one variable
            may not be in another.
    """

    name: str
    reason: str
    next: str
    trial: int | None = None
    sharpening: str | None = None
    variables: dict[str, "Verdict"] = Field(
        default_factory=dict, exclude_if=lambda variables: not variables
    )


def reach_verdict(results: Contenders) -> Verdict:
    """Return the verdict on the trials of a sweep: that of the first rule that applies."""
    rule = next(rule for rule in RULES if rule.applies(results))
    about = rule.trial(results) if rule.trial else None
    sharpener = rule.sharpener(results) if rule.sharpener else about and about.sharpener
    return Verdict(
        name=rule.verdict,
        reason=rule.reason(results),
        next=rule.next(results) if callable(rule.next) else rule.next,
        trial=about.number if about is not None else None,
        sharpening=sharpener or None,
    )


@dataclass(frozen=True)
class Rule:
    """An outcome of a sweep.

    Attributes:
        applies: Whether it is the outcome, where no rule before it is.
        next: What to do.
        trial: The trial it is about; None where it is about no single one.
        sharpener: The sharpener it is about; by default that of the trial.
    """

    verdict: str
    applies: Callable[[Contenders], bool]
    reason: Callable[[Contenders], str]
    next: str | Callable[[Contenders], str]
    trial: Callable[[Contenders], Contender] | None = None
    sharpener: Callable[[Contenders], str] | None = None


RULES: tuple[Rule, ...] = (
    Rule(
        TOO_EARLY,
        applies=lambda results: results.compared.baseline is None,
        reason=lambda _: "the baseline, which every trial is compared with, is not complete yet",
        next="wait for it",
    ),
    Rule(
        NOT_CONFIRMED,
        applies=lambda results: results.refuted and not results.suffices and not results.winners,
        reason=reasons.not_confirmed,
        next=reasons.after_a_failure,
        trial=reasons.refuted_trial,
    ),
    Rule(
        NOTHING_TO_FIX,
        applies=lambda results: results.suffices,
        reason=reasons.baseline_suffices,
        next="use the baseline; if you expected blur, train it longer (training.epochs), look at a "
        "longer lead, or set higher objective.targets",
        trial=lambda results: results.baseline,
    ),
    Rule(
        TOO_EARLY,
        applies=lambda results: (
            len(results.complete) == 1 and (results.to_come > 0 or len(results.trials) == 1)
        ),
        reason=reasons.baseline_alone,
        next="wait for the first trials; if the sweep has ended, see in status why its trials "
        "failed, or give it more with --trials",
    ),
    Rule(
        SUCCESS,
        applies=lambda results: bool(results.winners),
        reason=reasons.winner_reaches,
        next=lambda results: f"{CONFIRM_FIRST}{reasons.after_a_success(results)}",
        trial=lambda results: results.winners[0],
    ),
    Rule(
        SHARPEN,
        applies=lambda results: reasons.sharpened(results) is not None,
        reason=reasons.reference_reaches,
        next=reasons.use_reference,
        trial=lambda results: results.baseline,
        sharpener=lambda results: reasons.sharpened(results) or "",
    ),
    Rule(
        STUCK,
        applies=lambda results: not results.is_blurred and results.baseline.exceeds,
        reason=reasons.baseline_too_rough,
        next="train it better: more epochs, a lower learning rate, another width; no gradient "
        "term is needed",
    ),
    Rule(
        STUCK,
        applies=lambda results: (
            results.training is not None and results.training.unpredictable is not None
        ),
        reason=reasons.nothing_foretold,
        next="look at a shorter lead (data.stride, data.horizon), give it more history, or more "
        "frames to learn from; no loss adds what cannot be foretold",
    ),
    Rule(
        TRAIN_LONGER,
        applies=reasons.is_to_be_trained_first,
        reason=reasons.baseline_untrained,
        next=reasons.how_to_train_longer,
        trial=lambda results: results.baseline,
    ),
    Rule(
        PROMISING,
        applies=lambda results: bool(results.promising),
        reason=reasons.trial_on_its_way,
        next=reasons.keep_tuning,
        trial=lambda results: results.promising[0],
    ),
    Rule(
        TOO_EARLY,
        applies=lambda results: results.to_come > 0,
        reason=reasons.none_yet,
        next="let the sweep go on",
    ),
    Rule(
        STUCK,
        applies=reasons.sharpness_costs_too_much,
        reason=reasons.lead_out_of_reach,
        next=reasons.nearer_leads,
    ),
    Rule(
        GAMED,
        applies=lambda results: bool(results.gamed),
        reason=reasons.sharp_for_a_wrong_reason,
        next=reasons.after_a_refusal,
        trial=lambda results: results.gamed[0],
    ),
    Rule(
        STUCK,
        applies=lambda results: results.sharpening == 0,
        reason=lambda results: (
            f"{reasons.no_trial_is_sharper(results)}; no loss that was tried can cure blur from "
            "uncertainty"
        ),
        next=lambda results: (
            f"change the loss class: have {reasons.cures(results)} tried, with more --trials where "
            "loss_variant names them already, else by naming them; if that does not help, the "
            "architecture"
        ),
    ),
    Rule(
        STUCK,
        applies=lambda results: results.sharpening < FEW_TRIALS,
        reason=reasons.no_trial_is_sharper,
        next=lambda results: (
            f"give it more with --trials: only {results.sharpening} so far had a loss that can "
            "cure blur from uncertainty; if that does not help, change the architecture"
        ),
    ),
    Rule(
        STUCK,
        applies=lambda _: True,
        reason=reasons.no_trial_is_sharper,
        next=reasons.another_architecture,
    ),
)
"""The verdicts, in order: the first that applies is the one."""
