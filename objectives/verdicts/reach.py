"""Leads at which no forecast can be as sharp as is asked for and better than each cell's mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.metric_values import MetricValues


@dataclass(frozen=True)
class LeadOutOfReach:
    """A lead at which the sharpness asked for costs more error than each cell's mean has.

    Attributes:
        lead: From 1.
        words: What is within reach there.
    """

    lead: int
    words: str


def leads_out_of_reach(
    frontier: Frontier, baseline: MetricValues, share: float
) -> tuple[LeadOutOfReach, ...]:
    """Return the leads that are out of reach.

    Args:
        frontier: Of the baseline.
        baseline: Its metrics on the same split; no lead is out of reach where those of each cell's
            mean are not among them.
        share: Of the observed gradient that is asked for.
    """
    climatology = baseline.by_lead.get("rmse_climatology")
    if climatology is None:
        return ()
    found = []
    for lead, (curve, rmse) in enumerate(zip(frontier.by_lead, climatology, strict=True), start=1):
        where = f"at lead {lead}, where each cell's mean has an RMSE of {rmse:.4g},"
        words = curve.out_of_reach(share, rmse, where)
        if words:
            found.append(LeadOutOfReach(lead, words))
    return tuple(found)


def in_words(leads: Sequence[LeadOutOfReach]) -> str:
    """Return what is within reach at the first of these leads, and which others there are."""
    first, *others = leads
    numbers = ", ".join(str(one.lead) for one in others)
    also = f" (likewise at lead{'s' if len(others) > 1 else ''} {numbers})" if others else ""
    return f"{first.words}{also}"


def what_to_ask_for(leads: Sequence[LeadOutOfReach]) -> str:
    """Return which leads to forecast in place of these."""
    first = leads[0].lead
    if first == 1:
        return "look at a shorter lead (data.stride)"
    ahead = f"lead{'s 1 to' if first > 2 else ''} {first - 1}"
    return f"forecast {ahead} alone (data.horizon={first - 1})"
