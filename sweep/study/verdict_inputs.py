"""The trials of a study as the verdict compares them: together, and in each variable."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.model.registry import MEMBER_LOSSES, NO_SHARPENER, loss_variant
from fieldsharp.model.settings import LossSettings
from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.improvement import still_improving
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.verdicts.contender import Contender, ReferenceForecast
from fieldsharp.objectives.verdicts.contenders import Contenders
from fieldsharp.objectives.verdicts.reach import LeadOutOfReach, leads_out_of_reach
from fieldsharp.objectives.verdicts.training_signs import SimpleForecast, TrainingSigns
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.outcome import confirmed_result
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.members_search import can_have_members
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast, best_sharpened
from fieldsharp.sweep.study.trial_records import TrialRecord, trial_record, trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec


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
    return any(loss_variant(name).sharpens for name in _terms(loss)) or loss.base in MEMBER_LOSSES


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
        found: Its complete and pruned trials; ranked already as ``ComparedTrials``.
        baseline: The record of the baseline; None before it is complete.
        config: Of the study.
        facts: Of the data.
        to_come: Trials the budget still has.
        leads: Over the best reference, by number of the trial.
        confirmation: With new seeds; None where there is none.
    """
    of_members = config.objective.judges_members
    return Contenders(
        found,
        facts.targets,
        {name: facts.of(name).units for name in facts.variables} if facts.others else facts.units,
        to_come,
        reference=_reference(baseline),
        leads=leads,
        training=_training_signs(baseline, config, facts) if baseline is not None else None,
        confirmed=confirmed_result(confirmation) if confirmation is not None else None,
        # Members can be sharper than any single forecast of the same error.
        out_of_reach=_out_of_reach(baseline, facts)
        if baseline is not None and not of_members
        else (),
        of_members=of_members,
        members_next=can_have_members(config),
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
    references = baseline.references if baseline is not None else []
    best = best_sharpened(references)
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


def results_by_variable(
    results: Contenders, baseline: TrialRecord | None, config: SweepConfig, facts: DataSummary
) -> dict[str, Contenders]:
    """Return the trials of a sweep compared in each predicted variable by itself.

    Without leads; none where there is a single variable. What was confirmed is of all variables.
    """
    return {
        name: replace(
            results_of(
                results.compared.alone(name, facts.of(name).targets),
                baseline.of(name) if baseline is not None else None,
                config,
                facts.of(name),
                results.to_come,
            ),
            confirmed=results.confirmed,
        )
        for name in (facts.variables if facts.others else ())
    }
