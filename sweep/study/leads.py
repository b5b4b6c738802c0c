"""The leads of a study's trials over its best reference: computed once, stored, and read."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, ValidationError

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.leads.comparison import (
    ComparedForecast,
    Comparison,
    leads_over_references,
)
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.leads.members_lead import members_leads
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import (
    TrialRecord,
    complete_baseline,
    is_baseline,
    trial_record,
    was_run,
)

LEADS = "leads"
"""Attribute of a study."""
METHOD = 1
"""Raised with every change of how leads are computed, so that stored ones are made anew."""


class StoredLeads(Settings):
    """The leads of a study as they are stored with it.

    Attributes:
        basis: Digest of what they were computed from.
        leads: By trial; of several variables by their mean score.
        variables: The same of each predicted variable by itself, where there are several.
    """

    basis: str
    leads: list[Lead]
    variables: dict[str, "StoredLeads"] = Field(
        default_factory=dict, exclude_if=lambda variables: not variables
    )

    @property
    def by_trial(self) -> dict[int, Lead]:
        """The leads by number of the trial."""
        return {lead.trial: lead for lead in self.leads}


def study_leads(
    trials: Sequence[FrozenTrial],
    config: SweepConfig,
    facts: DataSummary,
    attributes: Mapping[str, Any],
) -> StoredLeads | None:
    """Return the leads of all complete trials over the best feasible reference.

    Those stored with the study where they are of these trials, else computed, which takes seconds;
    a reader keeps them in memory only. None where there is nothing to compare: before the baseline
    and another trial are complete, without references, and where none is feasible.

    Args:
        trials: Of the study.
        config: Of the study.
        facts: Of its data.
        attributes: Of the study, by name.
    """
    found = _compared_records(trials)
    if found is None:
        return None
    baseline, records = found
    stored = stored_leads(attributes)
    joint = _leads(_comparison(baseline, records, config, facts), stored)
    if joint is None or not baseline.variables:
        return joint
    known = {} if stored is None else stored.variables
    variables = {}
    for name in baseline.variables:
        of_trials = {number: record.of(name) for number, record in records.items()}
        comparison = _comparison(baseline.of(name), of_trials, config, facts.of(name))
        of_variable = _leads(comparison, known.get(name))
        if of_variable is not None:
            variables[name] = of_variable
    return joint.model_copy(update={"variables": variables})


def _leads(comparison: Comparison | None, stored: StoredLeads | None) -> StoredLeads | None:
    """Return the leads of a comparison, those stored where they are of it."""
    if comparison is None:
        return None
    basis = _basis(comparison)
    if stored is not None and stored.basis == basis:
        return stored
    found = (
        members_leads(comparison) if comparison.of_members else leads_over_references(comparison)
    )
    return StoredLeads(basis=basis, leads=found)


def stored_leads(attributes: Mapping[str, Any]) -> StoredLeads | None:
    """Return the leads that are stored with a study, None where none can be read."""
    try:
        return StoredLeads.model_validate(attributes.get(LEADS))
    except ValidationError:  # none, or another version wrote them
        return None


def _compared_records(
    trials: Sequence[FrozenTrial],
) -> tuple[TrialRecord, dict[int, TrialRecord]] | None:
    """Return the records of the baseline and of the complete trials; None without either."""
    first = complete_baseline(trials)
    baseline = trial_record(first) if first is not None else None
    if baseline is None or not baseline.references:
        return None
    complete = (
        t for t in trials if t.state is TrialState.COMPLETE and was_run(t) and not is_baseline(t)
    )
    records = {
        t.number: record
        for t in complete
        if (record := trial_record(t)) is not None and math.isfinite(record.score)
    }
    return (baseline, records) if records else None


def _comparison(
    baseline: TrialRecord,
    records: Mapping[int, TrialRecord],
    config: SweepConfig,
    facts: DataSummary,
) -> Comparison | None:
    of_members = config.objective.judges_members
    references = _references(baseline, of_members=of_members)
    if not references:
        return None
    windows = baseline.window_statistics
    others = {} if windows is None else windows.others
    return Comparison(
        references=references,
        trials={
            number: _compared(record, record.sharpener, record.score, record.error)
            for number, record in records.items()
        },
        observed=windows.observed if windows is not None else None,
        targets=facts.targets,
        rmse_weight=config.objective.rmse_weight,
        seed=config.search.seed,
        others_observed={
            name: one.observed for name, one in others.items() if one.observed is not None
        },
        of_members=of_members,
    )


def _references(baseline: TrialRecord, *, of_members: bool) -> list[ComparedForecast]:
    """Return the feasible ones: the baseline as it is, and under each sharpener.

    Where members are judged, the ensembles without training, whatever guard they break.
    """
    if of_members:
        return [
            _compared(baseline, one.name, one.score, one.judgement.error)
            for one in baseline.references
            if one.judgement.is_of_members
        ]
    return [
        _compared(baseline, one.name, one.score, one.judgement.error)
        for one in (baseline.unsharpened, *baseline.references)
        if one.feasible
    ]


def _compared(record: TrialRecord, sharpener: str, score: float, rmse: float) -> ComparedForecast:
    return ComparedForecast.of(score, rmse, sharpener, record.window_statistics)


def _basis(comparison: Comparison) -> str:
    """Return the digest of what leads depend on; a trial's statistics change with its scores."""

    def figures(one: ComparedForecast) -> list[object]:
        return [one.sharpener, one.score, one.rmse, sorted(one.windows)]

    tree = [
        *(["members"] if comparison.of_members else []),
        METHOD,
        [figures(one) for one in comparison.references],
        [[number, *figures(one)] for number, one in comparison.trials.items()],
        comparison.observed is not None,
        str(comparison.targets),
        comparison.rmse_weight,
        comparison.seed,
        *map(str, comparison.targets.others.values()),
    ]
    return hashlib.sha256(json.dumps(tree).encode()).hexdigest()
