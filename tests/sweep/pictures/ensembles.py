"""Scores of members made by hand."""

from collections.abc import Sequence

from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.members.scores import EventScores, MembersScores, Reliability

RANKS = (0.3, 0.15, 0.05, 0.1, 0.4)
"""Of four members: too sure, and too low."""


def made_scores(
    crps: float = 2.0,
    *,
    ranks: Sequence[float] = RANKS,
    chance: float | None = 0.01,
    spread: float = 3.0,
    thresholds: Sequence[float] = (70.0, 90.0),
) -> MembersScores:
    """Scores whose error of the mean is 4."""
    members = len(ranks) - 1
    shares = [number / members for number in range(members + 1)]
    weight = [0.9, *[0.02] * (members - 1), 0.1 - 0.02 * (members - 1)]
    happened: list[float | None] = [0.05, *(0.8 * share for share in shares[1:])]
    happened[1] = None
    events = [
        EventScores(one, 0.5 * crps, 0.1, Reliability(one, shares, happened, weight))
        for one in thresholds
    ]
    return MembersScores(
        members=members,
        windows=60,
        crps=crps,
        energy_score=2.0 * crps,
        variogram_score=1.5,
        rmse_of_mean=4.0,
        rmse_of_mean_without_sampling=3.6,
        spread=spread,
        spread_over_error=spread / 4.0,
        rank_histogram=list(ranks),
        flatness_chance=chance,
        events=events,
    )


def made_result(
    crps: float = 2.0, *, leads: int = 2, scale: float = 1.0, chance: float | None = 0.01
) -> MembersResult:
    """Scores that grow with lead, and of all leads."""

    def at(share: float) -> MembersScores:
        thresholds = (70.0 * scale, 90.0 * scale)
        return made_scores(
            share * crps * scale, spread=share * 3.0, chance=chance, thresholds=thresholds
        )

    return MembersResult(overall=at(1.0), by_lead=[at(0.5 + 0.5 * lead) for lead in range(leads)])


def made_references(leads: int = 2, scale: float = 1.0) -> dict[str, MembersResult]:
    """The ensembles that need no training, the second without a known chance."""
    return {
        "dressed": made_result(2.5, leads=leads, scale=scale, chance=0.4),
        "climatology": made_result(5.0, leads=leads, scale=scale, chance=None),
    }
