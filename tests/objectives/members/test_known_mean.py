"""The metrics of the mean of members where the conditional mean is known."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest
import torch

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.members.ensemble_verification import EnsembleVerification
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch
from tests.objectives import gaussian_fields

Tensor = torch.Tensor


def simulated(members: int, windows: int) -> tuple[Tensor, gaussian_fields.Simulation]:
    """Members drawn from the distribution of the truth, whose conditional mean is known."""
    scales = (0.1, 0.04)
    truth = gaussian_fields.simulate(windows, scales)
    others = [gaussian_fields.simulate(windows, scales, seed=1 + k) for k in range(members)]
    known = truth.sharpened(0.0)
    return torch.stack([known + one.truth - one.sharpened(0.0) for one in others], dim=1), truth


def verified(case: VerificationBatch, names: Collection[str]) -> dict[str, float]:
    verification = Verification(only=names)
    verification.add(case)
    return verification.overall()


def test_metrics_of_the_mean_are_those_of_the_known_conditional_mean() -> None:
    """Of three members, whose own mean is far from it."""
    members, truth = simulated(3, 120)
    everywhere = gaussian_fields.everywhere()
    case = truth.case(truth.sharpened(0.0), everywhere)
    last = truth.truth[:, :1].expand_as(truth.truth) + 1.0
    verification = EnsembleVerification(detail=False)
    verification.add(members, replace(case, persistence_BTCHW=last), range(120))
    found = verification.metric_values()
    for lead in range(2):
        one = replace(
            case,
            pred_BTCHW=case.pred_BTCHW[:, lead : lead + 1],
            target_BTCHW=case.target_BTCHW[:, lead : lead + 1],
        )
        names = {
            "rmse": "rmse_of_mean_without_sampling",
            "anomaly_correlation": "anomaly_correlation_of_mean",
            "gradient_correlation": "gradient_correlation_of_mean",
        }
        known = verified(one, names)
        naive = replace(one, pred_BTCHW=members.mean(dim=1)[:, lead : lead + 1])
        of_few = verified(naive, names)
        for name, of_mean in names.items():
            assert found.by_lead[of_mean][lead] == pytest.approx(known[name], rel=0.05)
            assert abs(of_few[name] / known[name] - 1.0) > 0.1, "else it shows nothing"


def test_the_standard_error_is_that_of_members_drawn_again() -> None:
    """Of the square error of the mean without sampling."""
    draw = np.random.default_rng(4)
    truth = torch.from_numpy(draw.normal(size=(9, 1, 1, 6, 7)).cumsum(axis=-1))
    everywhere = torch.ones(6, 7, dtype=torch.bool)
    usual = Climatology(torch.zeros(1, 6, 7, dtype=torch.float64), torch.zeros(2), 9.0)
    squares, said = [], []
    for _ in range(60):
        members = torch.from_numpy(draw.normal(size=(9, 4, 1, 1, 6, 7)).cumsum(axis=-1))
        verification = EnsembleVerification(detail=False)
        batch = VerificationBatch(truth, truth, truth, everywhere, usual)
        verification.add(members, batch, range(9))
        found = verification.metric_values().overall
        squares.append(found["rmse_of_mean_without_sampling"] ** 2)
        said.append(found["squared_error_by_chance"])
    assert np.mean(said) == pytest.approx(np.std(squares, ddof=1), rel=0.2)
