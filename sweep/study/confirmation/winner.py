"""The winner of a confirmation: fixed on the validation split, then measured on the test split."""

from fieldsharp.objectives.leads.intervals import sharpness_intervals
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.sweep.study.confirmation.comparison import (
    BASELINE,
    ConfirmedForecasts,
    named_reference,
    named_trial,
)
from fieldsharp.sweep.study.confirmation.over_seeds import (
    ConfirmedReference,
    ConfirmedTrial,
    OverSeeds,
)
from fieldsharp.sweep.study.confirmation.records import (
    BandsOfSplit,
    Confirmation,
    FixedWinner,
    Tested,
    TestedForecast,
)
from fieldsharp.sweep.study.confirmation.seed_scoring import best_first, winner


def compare(
    forecasts: ConfirmedForecasts, finished_trials: int, earlier: FixedWinner | None = None
) -> tuple[Confirmation, FixedWinner]:
    """Compare trials on the validation split, and fix the winner.

    Args:
        forecasts: On the validation split.
        finished_trials: Of the study.
        earlier: The winner that an earlier call fixed.

    Returns:
        The confirmation without its test and its sentence, and the winner to be tested.
    """
    given = forecasts.over_seeds()
    reference = next(iter(best_first(forecasts.references)), None)
    over_baseline: list[Lead] = []
    over_reference: list[Lead] = []
    if forecasts.objective.judges_members:
        over_baseline = forecasts.leads_of_members()
    elif given is not None:
        over_baseline = forecasts.leads(given)
        if reference is not None:
            over_reference = forecasts.leads(given, reference.name)
    baseline = forecasts.trials[0]
    found = Confirmation(
        winner=None,
        sentence="",
        baseline=baseline.trial,
        seeds=[outcome.seed for outcome in baseline.outcomes],
        finished_trials=finished_trials,
        trials=list(forecasts.trials),
        references=list(forecasts.references),
        part="validation",
        over_baseline=over_baseline,
        over_reference=over_reference,
        **dict(BandsOfSplit.of(forecasts.targets)),
    )
    best = winner(found.trials)
    fixed = fixed_winner(found, best, reference, earlier)
    if best is None:
        return found, fixed
    number = best.trial if fixed.trial == found.baseline else fixed.trial
    winning = found.baseline if may_be_chance(found.lead(number)) else number
    return found.model_copy(update={"winner": winning, "best": number}), fixed


def measure(forecasts: ConfirmedForecasts, fixed: FixedWinner) -> Tested:
    """Return what a winner comes to on the test split, beside the baseline and a reference.

    Args:
        forecasts: Of the baseline and the winner, on the test split.
        fixed: The winner and the reference, as they were fixed.
    """
    of_members = forecasts.objective.judges_members
    given = None if of_members else forecasts.over_seeds()
    baseline, *others = forecasts.trials
    reference = next((one for one in forecasts.references if one.name == fixed.reference), None)

    def with_intervals(one: OverSeeds, name: str) -> TestedForecast:
        figures = {field: getattr(one, field) for field in OverSeeds.model_fields}
        is_trained = any(outcome.failure is None for outcome in one.outcomes)
        intervals = sharpness_intervals(given, name) if given and is_trained else None
        return TestedForecast(**figures, intervals=intervals)

    leads: list[Lead] = []
    if others and of_members:
        leads = forecasts.leads_of_members()
    elif others and given is not None:
        leads = forecasts.leads(given)
        if reference is not None:
            leads += forecasts.leads(given, reference.name)
    return Tested(
        baseline=with_intervals(baseline, BASELINE),
        winner=with_intervals(others[0], named_trial(fixed.trial)) if others else None,
        reference=with_intervals(reference, named_reference(reference.name)) if reference else None,
        sharpener=reference.name if reference is not None else "",
        leads=leads,
        blocks=given.blocks if given is not None else next((one.blocks for one in leads), None),
        readings=fixed.readings,
        **dict(BandsOfSplit.of(forecasts.targets)),
    )


def may_be_chance(lead: Lead | None) -> bool:
    """Return whether windows and seeds are enough to tell a lead, and it may be chance.

    Not where they are too few: nobody can tell then, and the better forecast is taken.
    """
    return lead is not None and not lead.provisional and not lead.more_than_chance


def fixed_winner(
    found: Confirmation,
    best: ConfirmedTrial | None,
    reference: ConfirmedReference | None,
    earlier: FixedWinner | None,
) -> FixedWinner:
    """Return the winner: the best trial, or the baseline where its lead may be chance.

    A trial that an earlier call fixed stays the winner, however many seeds are added, as long as no
    trial is compared that was not then: the test split has been read for it. For another winner
    it is read again, and that is counted.

    Args:
        found: The comparison on the validation split.
        best: The best of the trials; None where none is feasible with most seeds.
        reference: The best reference.
        earlier: What an earlier call fixed.
    """
    compared = [one.trial for one in found.trials]
    name = reference.name if reference is not None else None
    was_tested = earlier is not None and earlier.trial != found.baseline
    if earlier is not None and was_tested and set(compared) <= set(earlier.compared):
        return earlier.model_copy(update={"seeds": found.seeds})
    is_trial = best is not None and not may_be_chance(found.lead(best.trial))
    trial = best.trial if best is not None and is_trial else found.baseline
    readings = 1
    if earlier is not None:
        is_another = trial not in (earlier.trial, found.baseline)
        readings = earlier.readings + int(is_another and was_tested)
    return FixedWinner(
        trial=trial, reference=name, compared=compared, seeds=found.seeds, readings=readings
    )
