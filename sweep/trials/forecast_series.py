"""The series that a forecast with several leads and members consists of.

Shape legend: T pairs of a frame and its truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fieldsharp.fields.coordinates.selection import lead_text
from fieldsharp.fields.pairing import FramePairs
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.trials.frame_order import LEAST_FRAMES, check_order

MOST_SERIES = 12
"""Of which the order of frames is checked, spread evenly over leads and members."""


@dataclass(frozen=True)
class PartOfForecast:
    """The metrics of the frames of one lead, or of one member.

    Attributes:
        frames: Number of paired frames.
        metrics: By name, physical units.
        lead: As text, such as ``6 h``; None of a member.
        lead_hours: The same in hours; None of a member.
        member: Its name; None of a lead.
        sharpened: The metrics under each sharpener, where they were evaluated.
    """

    frames: int
    metrics: Mapping[str, float]
    lead: str | None = None
    lead_hours: float | None = None
    member: str | None = None
    sharpened: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def indices_by_lead(pairs: FramePairs) -> dict[np.timedelta64, list[int]]:
    """Return the pairs of each lead, from the shortest; none where there are not several."""
    if pairs.lead_T is None:
        return {}
    leads = np.unique(pairs.lead_T)
    if len(leads) < 2:
        return {}
    return {lead: np.flatnonzero(pairs.lead_T == lead).tolist() for lead in leads}


def indices_by_member(pairs: FramePairs) -> dict[str, list[int]]:
    """Return the pairs of each member, in the file's order; none where there are not several."""
    found: dict[str, list[int]] = {}
    for index, member in enumerate(pairs.member_T or ()):
        found.setdefault(member, []).append(index)
    return found if len(found) > 1 else {}


def of_lead(lead: np.timedelta64, frames: int, found: Mapping[str, MetricValues]) -> PartOfForecast:
    """Return the metrics of a lead, with the lead as text and in hours.

    Args:
        lead: How far ahead.
        frames: Number of paired frames.
        found: As they are, by the name none, and under sharpeners.
    """
    hours = float(lead / np.timedelta64(1, "h"))
    sharpened = {name: one.overall for name, one in found.items() if name != NO_SHARPENER}
    return PartOfForecast(
        frames,
        found[NO_SHARPENER].overall,
        lead=lead_text(lead),
        lead_hours=hours,
        sharpened=sharpened,
    )


def one_pair_a_time(pairs: FramePairs) -> FramePairs:
    """Return a pair of each frame of the truth, in the order of time."""
    _, first = np.unique(pairs.frames, return_index=True)
    return pairs if len(first) == len(pairs.frames) else pairs.take(first.tolist())


def check_order_of_series(pairs: FramePairs) -> GuardOutcome | None:
    """Return the outcome of the guard ``order``, the worst of the forecast's series.

    In a forecast with several leads and members a frame of the truth is there several times, and
    frames of different leads differ in error for another reason than their order. So each lead of
    each member is checked as a series; where these are too short, each run of each member.

    Returns:
        None where no series has enough frames, or no cell is known in all of them.
    """
    if len(set(pairs.frames)) == len(pairs.frames):
        return check_order(pairs)
    same = [""] * len(pairs.frames)
    leads = same if pairs.lead_T is None else [str(lead) for lead in pairs.lead_T]
    members = pairs.member_T or same
    for series in (leads, pairs.start_T or same):
        groups: dict[tuple[str, str], list[int]] = {}
        for index, key in enumerate(zip(series, members, strict=True)):
            groups.setdefault(key, []).append(index)
        long = [group for group in groups.values() if len(group) >= LEAST_FRAMES]
        every = max(1, -(-len(long) // MOST_SERIES))
        outcomes = [
            check_order(pairs.take(sorted(group, key=lambda index: pairs.frames[index])))
            for group in long[::every]
        ]
        known = [outcome for outcome in outcomes if outcome is not None]
        if known:
            return max(known, key=lambda outcome: outcome.value)
    return None
