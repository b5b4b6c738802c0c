"""The verdict on a study: computed from its trials, and whether further trials could change it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.verdicts.compared_trials import ComparedTrials
from fieldsharp.objectives.verdicts.contenders import Contenders
from fieldsharp.objectives.verdicts.verdict import (
    GAMED,
    NOTHING_TO_FIX,
    PROMISING,
    SHARPEN,
    STUCK,
    SUCCESS,
    TRAIN_LONGER,
    Verdict,
    reach_verdict,
)
from fieldsharp.sweep.configuration.execution import BudgetSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.records import Confirmation, read_confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.leads import StoredLeads, study_leads
from fieldsharp.sweep.study.narrowed_search import narrowed_search
from fieldsharp.sweep.study.trial_records import complete_baseline, counted, trial_record
from fieldsharp.sweep.study.verdict_inputs import contenders, results_by_variable, results_of

NO_MORE = "no more trials are started; to go on anyway"
NEXT_FOR_SCRIPTS = {
    SUCCESS: "run the script by hand with these values and other seeds, and look at a period that "
    "was not searched on, before they are believed",
    PROMISING: "keep tuning: start the narrowed search in next.yaml, written where the sweep was "
    "started, or by export STUDY --next -o next.yaml",
    STUCK: "search something larger: another loss of the script's, a wider range, its architecture",
    GAMED: "do not use it; lower the range of the weight, or search another loss",
    NOTHING_TO_FIX: "use the baseline; if you expected blur, train it longer, look at a longer "
    "lead, or set higher objective.targets",
    SHARPEN: "use the baseline's forecasts with this last step: evaluate --sharpen-with fits it on "
    "any two files",
    TRAIN_LONGER: "let the script train longer before any search, or on more frames",
}
"""Advice by verdict that can be followed where the losses are those of a script."""
NARROWED = "next.yaml"
"""In the next step of a promising trial whose narrowed search is to be started."""
WITHOUT_NARROWING = (
    "keep tuning: give the sweep more trials with resume STUDY --trials, or search more settings "
    "in a new study; its best trials leave no narrowed search to start"
)


def as_script_verdict(config: SweepConfig, verdict: Verdict) -> Verdict:
    """Return a verdict with advice that can be followed where a script is trained."""
    if config.trainer is None or verdict.name not in NEXT_FOR_SCRIPTS:
        return verdict
    return verdict.model_copy(update={"next": NEXT_FOR_SCRIPTS[verdict.name]})


def study_verdict(
    study: Study,
    trials: list[FrozenTrial],
    config: SweepConfig,
    facts: DataSummary,
    confirmation: Confirmation | None = None,
) -> Verdict:
    """Return the verdict on all trials of a study.

    Leads over the best reference are those stored with the study, or computed, which takes seconds.

    Args:
        study: Whose attributes are read.
        trials: All of its trials.
        config: Of the study.
        facts: Of its data.
        confirmation: A new one; by default that of the study.
    """
    to_come = max(0, config.budget.trials - counted(trials))
    complete = complete_baseline(trials)
    baseline = trial_record(complete) if complete is not None else None
    found = results_of(
        ComparedTrials(facts.targets, contenders(trials)),
        baseline,
        config,
        facts,
        to_come,
        confirmation=confirmation or read_confirmation(study),
    )
    variables = results_by_variable(found, baseline, config, facts)
    leads = None
    if baseline is not None and any(one.sharp for one in (found, *variables.values())):
        leads = study_leads(trials, config, facts, study.user_attrs)
    verdict = verdict_on(found, variables, config, leads)
    if verdict.name != PROMISING or NARROWED not in verdict.next:
        return verdict
    try:
        narrowed_search(config.study, config, trials)
    except StudyError:  # then no next.yaml is written either
        return verdict.model_copy(update={"next": WITHOUT_NARROWING})
    return verdict


def verdict_on(
    results: Contenders,
    by_variable: Mapping[str, Contenders],
    config: SweepConfig,
    leads: StoredLeads | None,
) -> Verdict:
    """Return the verdict on a sweep, with that on each of several variables by itself.

    Args:
        results: Of all trials, without leads.
        by_variable: The same in each of several variables by itself.
        config: Of the study.
        leads: Over the best reference, where they may decide.
    """
    known = {} if leads is None else leads.variables
    variables = {
        name: reach_verdict(replace(one, leads=known[name].by_trial if name in known else {}))
        for name, one in by_variable.items()
    }
    joint = reach_verdict(replace(results, leads=leads.by_trial if leads is not None else {}))
    return as_script_verdict(config, joint.model_copy(update={"variables": variables}))


def settled_verdict(
    verdict: Verdict | None, budget: BudgetSettings, trials: Sequence[FrozenTrial]
) -> str:
    """Return why no further trial is needed and how to go on nevertheless, "" where one is needed.

    The budget names the verdicts that end a sweep; trials are counted whichever process ran them.
    """
    if verdict is None:
        return ""
    if verdict.name == NOTHING_TO_FIX and budget.stop_on_nothing_to_fix:
        return f"nothing to fix, {NO_MORE} set budget.stop_on_nothing_to_fix to false"
    if verdict.name != SUCCESS or verdict.trial is None or not budget.stop_on_success:
        return ""
    if _ended_since(verdict.trial, trials) < budget.success_trials:
        return ""
    return (
        f"success, which {budget.success_trials} further trials left as it is, {NO_MORE} resume "
        "with --trials or set budget.stop_on_success to false"
    )


def _ended_since(winner: int, trials: Sequence[FrozenTrial]) -> int:
    """Return how many trials ended after the winner; failed ones are not counted.

    One that ended before the baseline is a success only from the end of the baseline on, which it
    is compared with.
    """
    ended = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    order = sorted(
        ended, key=lambda t: (t.datetime_complete is None, t.datetime_complete, t.number)
    )
    places = {trial.number: place for place, trial in enumerate(order)}
    baseline = complete_baseline(ended)
    if baseline is None or winner not in places:
        return 0
    return len(order) - 1 - max(places[winner], places[baseline.number])
