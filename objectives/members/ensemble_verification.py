"""Every metric of an ensemble: of its members, of their mean, and of all members together.

Shape legend: B sample, K member, T lead, C channel (1), H rows, W columns.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from fieldsharp.fields.device_copies import fetch
from fieldsharp.fields.valid_cells import cell_index, take_cells
from fieldsharp.objectives import accuracy
from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.members.scores import MembersScores
from fieldsharp.objectives.members.spread import spread
from fieldsharp.objectives.members.verification import MembersVerification
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.metrics import LARGEST
from fieldsharp.objectives.sharpness import (
    gradient_observed,
    gradient_predicted,
    peak_observed,
    peak_predicted,
)
from fieldsharp.objectives.verification import Verification, metrics_of
from fieldsharp.objectives.verification_batch import Statistic, VerificationBatch

Tensor = torch.Tensor
OF_MEAN = ("rmse", "anomaly_correlation", "gradient_correlation")
"""Metrics of the mean of the members: is the forecast right?"""
OF_FRAMES: dict[str, tuple[Statistic, Statistic]] = {
    "gradient": (gradient_predicted, gradient_observed),
    "peak": (peak_predicted, peak_observed),
}
"""Numbers of a whole frame in which the truth must be like one more member."""
_SQUARES: tuple[Statistic, ...] = (
    accuracy.squared_error,
    accuracy.anomaly_square_predicted,
    accuracy.slope_square_predicted,
)
"""Of the mean: they have a part that so few members add; the others are linear in the forecast."""


class EnsembleVerification:
    """The statistics of all members so far. Not thread-safe.

    They are kept on the device of the members. To add windows never waits for the device; to ask
    for a metric does.

    Args:
        thresholds: Of events, in the unit of the field.
        detail: Whether metrics that neither score nor guards need are computed too.
    """

    def __init__(self, thresholds: Sequence[float] = (), *, detail: bool = True) -> None:
        self._members = Verification(detail=detail)
        self._mean = Verification(detail=False, only=OF_MEAN)
        self._together = MembersVerification(thresholds)
        self._count = 0
        self._of_frames: dict[str, list[Tensor]] = {}
        self._of_windows: dict[str, list[Tensor]] = {}
        self._pulls: list[Tensor] = []
        self._difference_PT: Tensor | None = None
        self._nearest_2T: Tensor | None = None
        self._fetched: dict[str, Tensor] = {}

    def add(
        self, members_BKTCHW: Tensor, batch: VerificationBatch, window_B: Sequence[int]
    ) -> None:
        """Add windows.

        Args:
            members_BKTCHW: At least two members, as many in every call, physical units.
            batch: Of the same windows, with any forecast.
            window_B: Number of each window, in the order of time.
        """
        self._count = members_BKTCHW.shape[1]
        self._fetched = {}
        batches = [
            replace(batch, pred_BTCHW=members_BKTCHW[:, member]) for member in range(self._count)
        ]
        for of_member in batches:
            self._members.add(of_member)
        self._mean.add(replace(batch, pred_BTCHW=members_BKTCHW.mean(dim=1)))
        weights_N = None if batch.geometry is None else batch.truth.weights_N
        self._together.add(
            members_BKTCHW[:, :, :, 0],
            batch.target_BTCHW[:, :, 0],
            batch.mask_HW,
            window_B,
            weights_N,
        )
        for name, (predicted, observed) in OF_FRAMES.items():
            of_members_BKT = torch.stack([predicted(one) for one in batches], dim=1).double()
            found = torch.stack(
                [
                    of_members_BKT.var(dim=1),
                    (of_members_BKT.mean(dim=1) - observed(batch).double()) ** 2,
                ]
            )
            self._of_frames.setdefault(name, []).append(found)
            self._of_windows.setdefault(name, []).append(of_members_BKT.mean(dim=(1, 2)))
        valid_N = cell_index(batch.mask_HW).valid_N
        members_BKTN = take_cells(members_BKTCHW, valid_N).flatten(3).double()
        truth_BTN = take_cells(batch.target_BTCHW, valid_N).flatten(2).double()
        self._pulls.append(_pulls(members_BKTN, truth_BTN, weights_N))
        every_TBKK = _differences(torch.cat([members_BKTN, truth_BTN[:, None]], dim=1))
        first_P, second_P = torch.triu_indices(
            self._count, self._count, offset=1, device=every_TBKK.device
        )
        difference_PT = every_TBKK[..., first_P, second_P].sum(dim=1).T
        nearest_2T = _nearest(every_TBKK).sum(dim=2)
        before_PT, before_2T = self._difference_PT, self._nearest_2T
        self._difference_PT = difference_PT if before_PT is None else before_PT + difference_PT
        self._nearest_2T = nearest_2T if before_2T is None else before_2T + nearest_2T

    def metric_values(self) -> MetricValues:
        """Return every metric, overall and for each lead.

        Raises:
            ValueError: If nothing was added.
        """
        of_members = self._members.metric_values()
        by_lead = [
            _numbers(scores) | self._of_leads(slice(lead, lead + 1))
            for lead, scores in enumerate(self._together.scores_by_lead(with_chance=False))
        ]
        of_mean = self._of_mean(per_lead=True)
        return MetricValues(
            overall={
                **of_members.overall,
                **_numbers(self._together.scores(with_chance=False)),
                **{name: float(value) for name, value in self._of_mean(per_lead=False).items()},
                **self._of_leads(slice(None)),
            },
            by_lead={
                **of_members.by_lead,
                **{name: [one[name] for one in by_lead] for name in by_lead[0]},
                **{name: value.tolist() for name, value in of_mean.items()},
            },
        )

    def result(self) -> MembersResult:
        """Return the scores of all members together, overall and for each lead."""
        return MembersResult(
            overall=self._together.scores(), by_lead=self._together.scores_by_lead()
        )

    def of_windows(self) -> dict[str, Tensor]:
        """Return statistics of each window, means over leads [W], in the order of time.

        Gradient and peak of the members, and what ``MembersVerification.of_windows`` returns.
        """
        of_frames = {name: self._on_cpu()[f"window {name}"] for name in self._of_windows}
        return {**of_frames, **self._together.of_windows()}

    def _on_cpu(self) -> dict[str, Tensor]:
        """Return what was gathered beside the statistics of the other verifications."""
        assert self._difference_PT is not None, "nothing was added"
        assert self._nearest_2T is not None, "nothing was added"
        if not self._fetched:
            self._fetched = fetch(
                {
                    "difference": self._difference_PT,
                    "nearest": self._nearest_2T,
                    "pulls": torch.cat(self._pulls),
                    **{n: torch.cat(found, dim=1) for n, found in self._of_frames.items()},
                    **{f"window {n}": torch.cat(found) for n, found in self._of_windows.items()},
                }
            )
        return self._fetched

    def _of_mean(self, *, per_lead: bool) -> dict[str, Tensor]:
        """Return the metrics of the mean of endless members.

        A mean square over K members has on average S(endless) + V / K of their mean, and
        S(endless) + V of each member, with V the variance between members. Without V / K it is
        S(mean) - (S(members) - S(mean)) / (K - 1).
        """
        of_mean = self._mean.statistics(per_lead=per_lead)
        of_members = self._members.statistics(per_lead=per_lead)
        for square in _SQUARES:
            excess = (of_members[square] - of_mean[square]) / (self._count - 1)
            # By chance it may come out below 0.
            of_mean[square] = (of_mean[square] - excess).clamp(min=0.0)
        found = metrics_of(self._mean.metrics, of_mean)
        return {f"{name}_of_mean": value for name, value in found.items() if name != "rmse"}

    def _of_leads(self, leads: slice) -> dict[str, float]:
        found, gathered = {}, self._on_cpu()
        for name in self._of_frames:
            variance, squared_error = (
                float(one[:, leads].contiguous().mean()) for one in gathered[name]
            )
            found[f"{name}_spread_over_error"] = _ratio(
                spread(variance, self._count), math.sqrt(squared_error)
            )
        difference_P = gathered["difference"][:, leads].mean(dim=1)
        least, mean = float(difference_P.min()), float(difference_P.mean())
        found["least_difference"] = math.sqrt(least / mean) if mean > 0 else 0.0
        of_members, of_truth = gathered["nearest"][:, leads].mean(dim=1).tolist()
        found["nearest_difference"] = math.sqrt(of_members / of_truth) if of_truth > 0 else 1.0
        pulls_WK = gathered["pulls"][:, :, leads].mean(dim=2)
        found["squared_error_by_chance"] = _by_chance(pulls_WK)
        return found


def _numbers(scores: MembersScores) -> dict[str, float]:
    """Return the scores of all members that are metrics."""
    return {
        "crps": scores.crps,
        "energy_score": scores.energy_score,
        "variogram_score": scores.variogram_score,
        "rmse_of_mean": scores.rmse_of_mean,
        "rmse_of_mean_without_sampling": scores.rmse_of_mean_without_sampling,
        "spread": scores.spread,
        "spread_over_error": _ratio(scores.spread, scores.rmse_of_mean),
    }


def _ratio(spread_found: float, error: float) -> float:
    """Return spread over error; of nothing to nothing 1, of something to nothing large."""
    if error > 0:
        return spread_found / error
    return 1.0 if spread_found == 0 else LARGEST


def _differences(members_BKTN: Tensor) -> Tensor:
    """Return the mean square difference of any two members in each window [T, B, K, K]."""
    members_TBKN = members_BKTN.permute(2, 0, 1, 3)
    centred = members_TBKN - members_TBKN.mean(dim=2, keepdim=True)
    product_TBKK = (centred @ centred.transpose(-1, -2)) / centred.shape[-1]
    square_TBK = product_TBKK.diagonal(dim1=-2, dim2=-1)
    difference = square_TBK[..., :, None] + square_TBK[..., None, :] - 2.0 * product_TBKK
    return difference.clamp(min=0.0)


def _nearest(every_TBKK: Tensor) -> Tensor:
    """Return the mean square difference to the nearest member: of members, of the truth [2, T, B].

    That of a member is to the nearest of K - 1 others. So is that of the truth: averaged over which
    member is left out, it is to the nearest K - 1 times and to the second once.

    Args:
        every_TBKK: Of K members and the truth, the last.
    """
    count = every_TBKK.shape[-1] - 1
    itself = torch.eye(count, dtype=torch.bool, device=every_TBKK.device)
    of_members = every_TBKK[..., :count, :count].masked_fill(itself, math.inf).amin(dim=-1)
    first, second = every_TBKK[..., count, :count].sort(dim=-1).values[..., :2].unbind(dim=-1)
    return torch.stack([of_members.mean(dim=-1), ((count - 1) * first + second) / count])


def _pulls(members_BKTN: Tensor, truth_BTN: Tensor, weights_N: Tensor | None) -> Tensor:
    """Return the mean product of each member's departure and the error of the mean [B, K, T]."""
    mean_BTN = members_BKTN.mean(dim=1)
    product = (members_BKTN - mean_BTN[:, None]) * (mean_BTN - truth_BTN)[:, None]
    return (product if weights_N is None else product * weights_N).mean(dim=-1)


def _by_chance(pulls_WK: Tensor) -> float:
    """Return the standard error of the mean's square error that so few members make.

    To first order a member changes that of its window by 2 / K times its pull; members are drawn
    independently of each other and of other windows.
    """
    windows, count = pulls_WK.shape
    square = float(pulls_WK.square().sum()) * count / (count - 1)
    return 2.0 * math.sqrt(square) / (count * windows)
