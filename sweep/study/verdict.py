"""The verdict on a study: computed from its trials, and whether further trials could change it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.model.registry import NO_SHARPENER, loss_variant
from fieldsharp.model.settings import LossSettings
from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.improvement import still_improving
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.verdicts.contenders import Contender, Contenders, ReferenceForecast
from fieldsharp.objectives.verdicts.reach import LeadOutOfReach, leads_out_of_reach
from fieldsharp.objectives.verdicts.training_signs import SimpleForecast, TrainingSigns
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
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.outcome import confirmed_result
from fieldsharp.sweep.study.confirmation.records import Confirmation, read_confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.leads import StoredLeads, study_leads
from fieldsharp.sweep.study.narrowed_search import narrowed_search
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast, best_reference
from fieldsharp.sweep.study.trial_records import (
    TrialRecord,
    complete_baseline,
    counted,
    trial_record,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec

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


def contender(spec: TrialSpec, record: TrialRecord, *, is_complete: bool = True) -> Contender:
    """Return a trial, which may not have run all its epochs, as the verdict compares it."""
    return Contender(
        number=spec.number,
        score=record.score,
        gradient=record.metrics["gradient"],
        peak=record.metrics["peak"],
        broken=tuple((guard.name, guard.words) for guard in broken(record.guards)),
        sharpens=may_sharpen(spec.run),
        variants=_terms(spec.run.loss),
        sharpener="" if record.sharpener == NO_SHARPENER else record.sharpener,
        epochs=record.epochs,
        is_baseline=spec.preset == BASELINE,
        rmse=record.error,
        value=record.value,
        skill=record.metrics.get("skill_persistence", 1.0),
        is_complete=is_complete,
        by_variable={
            name: contender(spec, record.of(name), is_complete=is_complete)
            for name in record.variables
        },
    )


def contenders(trials: list[FrozenTrial]) -> list[Contender]:
    """Return the complete and the pruned trials among these that have an outcome."""
    found = []
    for trial in trials:
        is_complete = trial.state is TrialState.COMPLETE
        if not is_complete and trial.state is not TrialState.PRUNED:
            continue
        spec, record = trial_spec(trial), trial_record(trial)
        if spec is not None and record is not None:
            found.append(contender(spec, record, is_complete=is_complete))
    return found


def can_sharpen(loss: LossSettings) -> bool:
    """Return whether any term of a loss can cure blur that comes from uncertainty."""
    return any(loss_variant(name).sharpens for name in _terms(loss)) or loss.base == "crps"


def _terms(loss: LossSettings) -> tuple[str, ...]:
    """Return the names of the terms that a loss has beside its base."""
    weights = ((loss.variant, loss.gradient_weight), (loss.peak_variant, loss.peak_weight))
    return tuple(name for name, weight in weights if weight > 0)


def results_of(
    found: Sequence[Contender],
    baseline: TrialRecord | None,
    config: SweepConfig,
    facts: DataSummary,
    to_come: int,
    *,
    leads: Mapping[int, Lead] = MappingProxyType({}),
    confirmation: Confirmation | None = None,
) -> Contenders:
    """Return the trials of a study with all that they are compared with.

    Args:
        found: Its complete and pruned trials.
        baseline: The record of the baseline; None before it is complete.
        config: Of the study.
        facts: Of the data.
        to_come: Trials the budget still has.
        leads: Over the best reference, by number of the trial.
        confirmation: With new seeds; None where there is none.
    """
    return Contenders(
        found,
        facts.targets,
        {name: facts.of(name).units for name in facts.variables} if facts.others else facts.units,
        to_come,
        reference=_reference(baseline),
        leads=leads,
        training=_training_signs(baseline, config, facts) if baseline is not None else None,
        confirmed=confirmed_result(confirmation) if confirmation is not None else None,
        out_of_reach=_out_of_reach(baseline, facts) if baseline is not None else (),
    )


def _out_of_reach(baseline: TrialRecord, facts: DataSummary) -> tuple[LeadOutOfReach, ...]:
    """Return the leads out of reach, each once: of several variables for the first it is of."""
    found: dict[int, LeadOutOfReach] = {}
    for name, targets in facts.targets.by_variable.items():
        record = baseline.of(name)
        bound = StudyFrontier.of(record)
        if bound is None:
            continue
        share = targets.gradient.low / bound.gradient_observed
        for one in leads_out_of_reach(bound.frontier, record.judgement, share):
            found.setdefault(one.lead, replace(one, words=named(name, one.words)))
    return tuple(found[lead] for lead in sorted(found))


def _reference(baseline: TrialRecord | None) -> ReferenceForecast | None:
    """Return the best of the references, None where none breaks no guard."""
    best = best_reference(baseline.references) if baseline is not None else None
    if best is None or not best.feasible:
        return None
    alone = {name: _reference_forecast(best.alone(name)) for name in best.scores}
    return replace(_reference_forecast(best), by_variable=alone)


def _reference_forecast(one: SharpenedForecast) -> ReferenceForecast:
    metrics = one.judgement.overall
    return ReferenceForecast(
        one.name, one.score, metrics["gradient"], metrics["peak"], metrics["rmse"]
    )


def _training_signs(
    baseline: TrialRecord, config: SweepConfig, facts: DataSummary
) -> TrainingSigns:
    """Return the baseline beside forecasts that need no net, and the course of its training."""
    first, *others = (
        replace(
            _signs_of_variable(baseline.of(name), config, facts.of(name)),
            variable=name if facts.others else "",
        )
        for name in facts.variables
    )
    return replace(first, others=others)


def _signs_of_variable(
    baseline: TrialRecord, config: SweepConfig, facts: DataSummary
) -> TrainingSigns:
    """Return the signs of one variable.

    Under a falling rate the RMSE falls until the end however long a training is, so that its course
    tells nothing; that of a script is not known.
    """
    improving = baseline.reached_most
    if improving is None:
        has_course = config.trainer is None and config.training.schedule == "schedule_free"
        rmses = [values.overall["rmse"] for values in baseline.judgements_by_epoch]
        improving = has_course and still_improving(rmses)
    values = baseline.judgement
    simple = []
    if facts.rmse_persistence is not None and facts.gradient_observed is not None:
        simple.append(
            SimpleForecast("the last known frame", facts.rmse_persistence, facts.gradient_observed)
        )
    if facts.linear is not None:
        power = facts.linear.power_large_db
        simple.append(
            SimpleForecast(
                "a fitted linear forecast",
                facts.linear.rmse,
                facts.linear.gradient,
                math.nan if power is None else power,
            )
        )
    return TrainingSigns(
        rmse=values.overall["rmse"],
        rmse_climatology=values.overall.get("rmse_climatology", math.nan),
        simple=simple,
        power_large_db=values.by_lead.get("power_large", [math.nan])[0],
        improving=improving,
        length_was_searched=baseline.reached_most is not None,
    )


def may_sharpen(run: RunSettings) -> bool:
    """Return whether a training may cure blur that comes from uncertainty.

    The losses of a script are unknown, so that any of its trainings may.
    """
    return can_sharpen(run.loss) or run.trainer is not None


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
        contenders(trials),
        baseline,
        config,
        facts,
        to_come,
        confirmation=confirmation or read_confirmation(study),
    )
    results = [found, *results_by_variable(found, baseline, config, facts).values()]
    leads = None
    if baseline is not None and any(one.sharp for one in results):
        leads = study_leads(trials, config, facts, study.user_attrs)
    verdict = verdict_on(found, baseline, config, facts, leads)
    if verdict.name != PROMISING or NARROWED not in verdict.next:
        return verdict
    try:
        narrowed_search(config.study, config, trials)
    except StudyError:  # then no next.yaml is written either
        return verdict.model_copy(update={"next": WITHOUT_NARROWING})
    return verdict


def results_by_variable(
    results: Contenders, baseline: TrialRecord | None, config: SweepConfig, facts: DataSummary
) -> dict[str, Contenders]:
    """Return the trials of a sweep compared in each predicted variable by itself.

    Without leads; none where there is a single variable. What was confirmed is of all variables.
    """
    return {
        name: replace(
            results_of(
                [one.by_variable.get(name, one) for one in results.trials],
                baseline.of(name) if baseline is not None else None,
                config,
                facts.of(name),
                results.to_come,
            ),
            confirmed=results.confirmed,
        )
        for name in (facts.variables if facts.others else ())
    }


def verdict_on(
    results: Contenders,
    baseline: TrialRecord | None,
    config: SweepConfig,
    facts: DataSummary,
    leads: StoredLeads | None,
) -> Verdict:
    """Return the verdict on a sweep, with that on each of several variables by itself.

    Args:
        results: Of all trials, without leads.
        baseline: Its outcome; None before it is complete.
        config: Of the study.
        facts: Of its data.
        leads: Over the best reference, where they may decide.
    """
    known = {} if leads is None else leads.variables
    variables = {
        name: reach_verdict(replace(one, leads=known[name].by_trial if name in known else {}))
        for name, one in results_by_variable(results, baseline, config, facts).items()
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
