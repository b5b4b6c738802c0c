"""Forecasts of some windows as they are verified: as they are, or under a sharpener.

Shape legend: B sample, K member, T lead, C channel, H rows, W columns. Physical units.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.objectives.members.ensemble_verification import EnsembleVerification
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch


@dataclass(frozen=True)
class WindowForecasts:
    """Forecasts of some windows of one variable, physical units.

    Attributes:
        members_BKTCHW: Of an ensemble its members, of another predictor its forecast.
        batch: Of the first member.
        window_B: Number of each window in the order of time.
    """

    members_BKTCHW: torch.Tensor
    batch: VerificationBatch
    window_B: range

    def add_to(self, verification: Verification | EnsembleVerification) -> None:
        """Add the members together, or the first one."""
        if isinstance(verification, EnsembleVerification):
            verification.add(self.members_BKTCHW, self.batch, self.window_B)
        else:
            verification.add(self.batch)


def sharpened(
    forecasts: Sequence[WindowForecasts], sharpener: FittedSharpener
) -> tuple[list[WindowForecasts], torch.Tensor]:
    """Return the forecasts of each variable under a sharpener, every member by itself.

    Returns:
        The forecasts, and whether all their values are finite, for ``require_finite``.
    """
    found, are_finite = [], []
    for one, of_variable in zip(forecasts, sharpener.each(), strict=True):
        samples, members = one.members_BKTCHW.shape[:2]
        flat, is_finite = of_variable.apply(one.members_BKTCHW.flatten(0, 1))
        members_BKTCHW = flat.reshape(samples, members, *flat.shape[1:])
        batch = replace(one.batch, pred_BTCHW=members_BKTCHW[:, 0])
        found.append(WindowForecasts(members_BKTCHW, batch, one.window_B))
        are_finite.append(is_finite)
    return found, torch.stack(are_finite).all()
