"""The scores of an ensemble as numbers: stored and read without torch."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Reliability:
    """The curve of one event, that a threshold is exceeded.

    Attributes:
        threshold: In the unit of the field.
        shares: Shares of the members: 0, 1/K and so on up to 1.
        frequency: How often the event happened where that share said so; None where none did.
        weight: How often that share said so, of all cells and windows.
    """

    threshold: float
    shares: list[float]
    frequency: list[float | None]
    weight: list[float]


@dataclass(frozen=True)
class EventScores:
    """How well an event is forecast, that a threshold is exceeded.

    Attributes:
        threshold: In the unit of the field.
        crps_above: Fair CRPS of what lies above it, in the unit of the field.
        brier_score: Fair Brier score of the event.
        reliability: How often it happened, by the share of members that said so.
    """

    threshold: float
    crps_above: float
    brier_score: float
    reliability: Reliability


@dataclass(frozen=True)
class MembersScores:
    """The scores of an ensemble, means over windows, leads and cells; in the unit of the field.

    Attributes:
        members: Their number K.
        windows: Forecasts that were verified, each of all its members.
        crps: Fair CRPS of each cell by itself.
        energy_score: Fair energy score of whole fields.
        variogram_score: Fair variogram score of whole fields; NaN where cells have no neighbours.
        rmse_of_mean: Error of the mean of the members.
        rmse_of_mean_without_sampling: The same without what so few members add to it.
        spread: What that error is if the spread is honest.
        spread_over_error: The two beside each other: 1 is honest, below 1 too sure; NaN where the
            mean has no error.
        rank_histogram: Share of the truth at each rank among the members, from below all to above.
        flatness_chance: How likely chance alone makes the histogram so uneven; None where there are
            too few independent windows to tell.
        events: The thresholds, from the lowest.
    """

    members: int
    windows: int
    crps: float
    energy_score: float
    variogram_score: float
    rmse_of_mean: float
    rmse_of_mean_without_sampling: float
    spread: float
    spread_over_error: float
    rank_histogram: list[float]
    flatness_chance: float | None
    events: list[EventScores]

    def as_json(self) -> dict[str, Any]:
        """Return plain values; an undefined score is null."""
        plain = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }
        plain["events"] = [
            {"threshold": e.threshold, "crps_above": e.crps_above, "brier_score": e.brier_score}
            | {"reliability": {k: v for k, v in asdict(e.reliability).items() if k != "threshold"}}
            for e in self.events
        ]
        return plain
