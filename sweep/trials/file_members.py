"""Scores of the members of a forecast file together, against the truth of the same times.

Shape legend: F forecasts (a start and a lead), K members, H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fieldsharp.fields.coordinates.grid_geometry import GridGeometry
from fieldsharp.fields.coordinates.selection import lead_text
from fieldsharp.fields.pairing import FramePairs
from fieldsharp.objectives.masked_field import area_weights
from fieldsharp.objectives.members.scores import MembersScores
from fieldsharp.objectives.members.verification import MembersVerification
from fieldsharp.sweep.trials.forecast_series import indices_by_lead

QUANTILES = (0.9, 0.99)
"""Of the truth: the thresholds of events, for files that come without a training series."""
BATCH = 16
SEED = 0


@dataclass(frozen=True)
class MembersOfLead:
    """The scores of one lead.

    Attributes:
        lead: As text, such as ``6 h``.
        lead_hours: The same in hours.
        scores: Of the members.
    """

    lead: str
    lead_hours: float
    scores: MembersScores


@dataclass(frozen=True)
class MembersOfFile:
    """The scores of the members of a forecast file.

    Attributes:
        scores: Over all leads.
        by_lead: From the shortest; none where there are not several.
        quantiles: Of the truth, by threshold.
        left_out: Forecasts that lack a member, or a value in every cell.
    """

    scores: MembersScores
    by_lead: tuple[MembersOfLead, ...]
    quantiles: Mapping[float, float]
    left_out: int

    def as_json(self) -> dict[str, Any]:
        """Return plain values; each event has the quantile that its threshold is."""
        tree = self._scores(self.scores) | {"left_out": self.left_out}
        if self.by_lead:
            tree["by_lead"] = [
                {"lead": one.lead, "lead_hours": one.lead_hours, **self._scores(one.scores)}
                for one in self.by_lead
            ]
        return tree

    def _scores(self, scores: MembersScores) -> dict[str, Any]:
        tree = scores.as_json()
        tree["events"] = [
            {"quantile": self.quantiles[event["threshold"]], **event} for event in tree["events"]
        ]
        return tree


def verify_members(pairs: FramePairs, geometry: GridGeometry | None) -> MembersOfFile | None:
    """Return the scores of the members of a forecast.

    A forecast is all members of one start and lead, compared in the cells that all of them know.
    One that lacks a member is left out, since chance alone makes fewer members worse.

    Args:
        pairs: Frames of all members.
        geometry: Shares of the cells in means; None where all count the same.

    Returns:
        None where there are not several members, or no forecast has all of them.
    """
    members = sorted(set(pairs.member_T or ()), key=list(pairs.member_T or ()).index)
    if len(members) < 2:
        return None
    by_forecast: dict[tuple[int, str], dict[str, int]] = {}
    for index, member in enumerate(pairs.member_T or ()):
        lead = "" if pairs.lead_T is None else str(pairs.lead_T[index])
        by_forecast.setdefault((pairs.frames[index], lead), {})[member] = index
    chosen_FK = [
        [found[member] for member in members]
        for _, found in sorted(by_forecast.items(), key=lambda item: item[0][0])
        if len(found) == len(members) and pairs.known_THW[list(found.values())].all(0).any()
    ]
    if not chosen_FK:
        return None
    known = pairs.target_THW[pairs.known_THW]
    quantiles = {float(np.quantile(known, share)): share for share in reversed(QUANTILES)}
    verification = _verified(pairs, chosen_FK, list(quantiles), geometry)
    of_leads = []
    for ahead, indices in indices_by_lead(pairs).items():
        of_lead = set(indices)
        windows = [n for n, chosen_K in enumerate(chosen_FK) if chosen_K[0] in of_lead]
        if windows:
            hours = float(ahead / np.timedelta64(1, "h"))
            scores = verification.scores(windows)
            of_leads.append(MembersOfLead(lead_text(ahead), hours, scores))
    return MembersOfFile(
        scores=verification.scores(),
        by_lead=tuple(of_leads),
        quantiles=quantiles,
        left_out=len(by_forecast) - len(chosen_FK),
    )


def _verified(
    pairs: FramePairs,
    chosen_FK: Sequence[Sequence[int]],
    thresholds: Sequence[float],
    geometry: GridGeometry | None,
) -> MembersVerification:
    """Verify forecasts, each a window, in batches with the same known cells."""
    verification = MembersVerification(thresholds, SEED)
    by_mask: dict[bytes, list[int]] = {}
    for number, chosen_K in enumerate(chosen_FK):
        by_mask.setdefault(pairs.known_THW[chosen_K].all(axis=0).tobytes(), []).append(number)
    for key, numbers in by_mask.items():
        mask_HW = np.frombuffer(key, dtype=np.bool_).reshape(pairs.known_THW.shape[1:]).copy()
        mask = torch.from_numpy(mask_HW)
        for first in range(0, len(numbers), BATCH):
            batch = numbers[first : first + BATCH]
            members_BKHW = np.stack([pairs.pred_THW[chosen_FK[number]] for number in batch])
            observed_BHW = np.stack([pairs.target_THW[chosen_FK[number][0]] for number in batch])
            verification.add(
                torch.from_numpy(members_BKHW)[:, :, None],
                torch.from_numpy(observed_BHW)[:, None],
                mask,
                batch,
                area_weights(geometry, mask),
            )
    return verification
