"""The winner of a confirmation, which is fixed before the test split is read."""

from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.sweep.study.confirmation.over_seeds import ConfirmedReference, ConfirmedTrial
from fieldsharp.sweep.study.confirmation.records import Confirmation, FixedWinner


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
