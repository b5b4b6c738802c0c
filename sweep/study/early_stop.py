"""Whether a study has an answer that further trials would not change."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdict import NOTHING_TO_FIX, SUCCESS, Verdict, succeeds
from fieldsharp.sweep.configuration.execution import BudgetSettings
from fieldsharp.sweep.study.verdict_inputs import contenders

NO_MORE = "no more trials are started; to go on anyway"


def settled_verdict(
    verdict: Verdict | None,
    budget: BudgetSettings,
    trials: Sequence[FrozenTrial],
    targets: Targets,
) -> str:
    """Return why no further trial is needed and how to go on all the same, "" where one is.

    Args:
        verdict: What the study comes to so far.
        budget: Which answers end it.
        trials: All of the study: what counts is in the database, whoever ran them.
        targets: The bands of gradient and peak.
    """
    if verdict is None:
        return ""
    if verdict.name == NOTHING_TO_FIX and budget.stop_on_nothing_to_fix:
        return f"nothing to fix, {NO_MORE} set budget.stop_on_nothing_to_fix to false"
    if verdict.name != SUCCESS or not budget.stop_on_success:
        return ""
    if ended_since_success(trials, targets) < budget.success_trials:
        return ""
    return (
        f"success, which {budget.success_trials} further trials left as it is, {NO_MORE} resume "
        "with --trials or set budget.stop_on_success to false"
    )


def ended_since_success(trials: Sequence[FrozenTrial], targets: Targets) -> int:
    """Return how many trials ended after the first that was a success; 0 before there is one.

    A failed trial says nothing and is not counted; what ended before the baseline could not be
    judged, so a success is one from then on.
    """
    ended = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    judged = contenders(ended)
    sharp = {one.number for one in judged if one.is_complete and succeeds(one, targets)}
    baselines = {one.number for one in judged if one.is_baseline}
    order = sorted(
        ended, key=lambda t: (t.datetime_complete is None, t.datetime_complete, t.number)
    )
    places = {trial.number: place for place, trial in enumerate(order)}
    if not sharp or not baselines:
        return 0
    first = max(min(places[n] for n in sharp), min(places[n] for n in baselines))
    return len(order) - 1 - first
