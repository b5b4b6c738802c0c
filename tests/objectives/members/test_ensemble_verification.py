"""The metrics of an ensemble against NumPy, SciPy and `scores`, of a few windows."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch
import xarray as xr
from scipy import ndimage
from scores.probability import crps_for_ensemble

from fieldsharp.fields.coordinates.grid_geometry import GridGeometry
from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.members.ensemble_verification import EnsembleVerification
from fieldsharp.objectives.members.metrics import MEMBER_METRICS
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.verification import verify
from fieldsharp.objectives.verification_batch import VerificationBatch

Array = npt.NDArray[np.float64]
Tensor = torch.Tensor
WINDOWS, MEMBERS, LEADS, ROWS, COLUMNS = 6, 4, 2, 10, 12


def ensemble(*, masked: bool = False) -> tuple[Tensor, VerificationBatch]:
    """Members [B, K, T, 1, H, W] that differ in size, and what was observed."""
    draw = np.random.default_rng(8)
    signal = draw.normal(size=(WINDOWS, 1, LEADS, 1, ROWS, COLUMNS)).cumsum(axis=-1)
    noise = draw.normal(size=(WINDOWS, MEMBERS + 1, LEADS, 1, ROWS, COLUMNS)).cumsum(axis=-2)
    noise *= np.array([0.5, 0.8, 1.0, 1.3, 1.0])[:, None, None, None, None]
    fields = torch.from_numpy(20.0 + signal + noise)
    mask_HW = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    if masked:
        mask_HW[:3, :4] = False
    usual_CHW = torch.full((1, ROWS, COLUMNS), 20.0, dtype=torch.float64)
    usual_CHW += torch.arange(COLUMNS) / 5.0
    climatology = Climatology(usual_CHW, torch.tensor([21.0, 23.0], dtype=torch.float64), 9.0)
    truth = fields[:, -1]
    last = truth[:, :1].expand_as(truth) + 1.0
    case = VerificationBatch(truth, truth, last, mask_HW, climatology)
    return fields[:, :-1], case


def judged(members: Tensor, case: VerificationBatch, *, size: int = WINDOWS) -> MetricValues:
    verification = EnsembleVerification((21.0,))
    for first in range(0, len(members), size):
        part = slice(first, first + size)
        assert case.persistence_BTCHW is not None
        batch = replace(
            case,
            pred_BTCHW=members[part, 0],
            target_BTCHW=case.target_BTCHW[part],
            persistence_BTCHW=case.persistence_BTCHW[part],
        )
        verification.add(members[part], batch, range(len(members))[part])
    return verification.metric_values()


def arrays(lead: slice) -> tuple[Array, Array, Array]:
    """Members [B, K, T, H, W], truth [B, T, H, W] and each cell's mean [H, W]."""
    members, case = ensemble()
    assert case.climatology is not None
    usual = case.climatology.mean_CHW[0].numpy()
    return members[:, :, lead, 0].numpy(), case.target_BTCHW[:, lead, 0].numpy(), usual


def each_frame(fields: Array) -> Array:
    """SciPy's Sobel operator over 8 on every frame, where a cell has all neighbours [2, ...]."""

    def slopes(frame: Array) -> Array:
        both = [ndimage.sobel(frame, axis)[1:-1, 1:-1] / 8 for axis in (0, 1)]
        return np.stack(both)

    flat = fields.reshape(-1, *fields.shape[-2:])
    found = np.stack([slopes(frame) for frame in flat], axis=1)
    return found.reshape(2, *fields.shape[:-2], *found.shape[-2:])


LEAD = pytest.mark.parametrize("lead", [slice(None), slice(0, 1), slice(1, 2)])


@cache
def judged_whole() -> MetricValues:
    return judged(*ensemble())


def value(name: str, lead: slice) -> float:
    found = judged_whole()
    return found.overall[name] if lead.start is None else found.by_lead[name][lead.start]


@LEAD
def test_scores_of_all_members_are_those_of_scores_and_numpy(lead: slice) -> None:
    members, truth, _ = arrays(lead)
    crps = crps_for_ensemble(
        xr.DataArray(members, dims=["b", "k", "t", "y", "x"]),
        xr.DataArray(truth, dims=["b", "t", "y", "x"]),
        "k",
        method="fair",
    )
    assert value("crps", lead) == pytest.approx(float(crps))
    mse = np.mean((members.mean(axis=1) - truth) ** 2)
    variance = members.var(axis=1, ddof=1).mean()
    assert value("rmse_of_mean", lead) == pytest.approx(math.sqrt(mse))
    without = math.sqrt(mse - variance / MEMBERS)
    assert value("rmse_of_mean_without_sampling", lead) == pytest.approx(without)
    spread = math.sqrt((MEMBERS + 1) / MEMBERS * variance)
    assert value("spread", lead) == pytest.approx(spread)
    assert value("spread_over_error", lead) == pytest.approx(spread / math.sqrt(mse))


def roots(field: Array, axis: int, lag: int) -> Array:
    """Roots of the differences of cells that are so far apart along an axis."""
    swapped = np.moveaxis(field, axis, 0)
    found: Array = np.sqrt(np.abs(swapped[lag:] - swapped[:-lag]))
    return found


@LEAD
def test_energy_and_variogram_scores_are_sums_over_pairs(lead: slice) -> None:
    members, truth, _ = arrays(lead)
    energy, variogram = [], []
    for b, t in np.ndindex(truth.shape[:2]):
        x, y = members[b, :, t], truth[b, t]

        def apart(one: Array, other: Array) -> float:
            return math.sqrt(float(np.mean((one - other) ** 2)))

        pairs = [apart(x[i], x[j]) for i in range(MEMBERS) for j in range(MEMBERS)]
        to_truth = float(np.mean([apart(one, y) for one in x]))
        energy.append(to_truth - sum(pairs) / (2 * MEMBERS * (MEMBERS - 1)))
        total, weight = 0.0, 0.0
        for axis, lag in itertools.product((0, 1), (1, 2, 4, 8)):
            of_members = np.stack([roots(one, axis, lag) for one in x])
            miss = (roots(y, axis, lag) - of_members.mean(axis=0)) ** 2
            chance = of_members.var(axis=0, ddof=1) / MEMBERS
            total, weight = total + float((miss - chance).mean()) / lag, weight + 1 / lag
        variogram.append(total / weight)
    assert value("energy_score", lead) == pytest.approx(np.mean(energy))
    assert value("variogram_score", lead) == pytest.approx(np.mean(variogram))


@LEAD
def test_sharpness_and_error_are_those_of_each_member(lead: slice) -> None:
    members, truth, _ = arrays(lead)
    error = math.sqrt(np.mean((members - truth[:, None]) ** 2))
    assert value("rmse", lead) == pytest.approx(error)
    assert value("peak", lead) == pytest.approx(members.max(axis=(-2, -1)).mean())
    gradient = np.hypot(*each_frame(members)).mean()
    assert value("gradient", lead) == pytest.approx(gradient)
    gradient_observed = np.hypot(*each_frame(truth)).mean()
    assert value("gradient_observed", lead) == pytest.approx(gradient_observed)


@LEAD
def test_correlations_of_the_mean_are_without_what_few_members_add(lead: slice) -> None:
    members, truth, usual = arrays(lead)
    away, observed = members.mean(axis=1) - usual, truth - usual
    sampling = members.var(axis=1, ddof=1).mean() / MEMBERS
    product = np.mean(away * observed) - away.mean() * observed.mean()
    square = np.mean(away**2) - sampling - away.mean() ** 2
    expected = product / math.sqrt(square * observed.var())
    assert value("anomaly_correlation_of_mean", lead) == pytest.approx(expected)

    of_members, of_truth = each_frame(members), each_frame(truth)  # [2, B, K, T, ...]
    of_mean = of_members.mean(axis=2)
    sampling = of_members.var(axis=2, ddof=1).sum(axis=0).mean() / MEMBERS
    square = (of_mean**2).sum(axis=0).mean() - sampling
    product = (of_mean * of_truth).sum(axis=0).mean()
    expected = product / math.sqrt(square * (of_truth**2).sum(axis=0).mean())
    assert value("gradient_correlation_of_mean", lead) == pytest.approx(expected)


@LEAD
def test_spread_of_gradients_and_peaks_is_that_of_numbers(lead: slice) -> None:
    members, truth, _ = arrays(lead)
    of_frames = {
        "gradient": (
            np.hypot(*each_frame(members)).mean(axis=(-2, -1)),
            np.hypot(*each_frame(truth)).mean(axis=(-2, -1)),
        ),
        "peak": (members.max(axis=(-2, -1)), truth.max(axis=(-2, -1))),
    }
    for name, (of_members, of_truth) in of_frames.items():
        variance = of_members.var(axis=1, ddof=1).mean() * (MEMBERS + 1) / MEMBERS
        error = np.mean((of_members.mean(axis=1) - of_truth) ** 2)
        assert value(f"{name}_spread_over_error", lead) == pytest.approx(
            math.sqrt(variance / error)
        )


@LEAD
def test_differences_of_members_are_counted_pair_by_pair(lead: slice) -> None:
    members, truth, _ = arrays(lead)
    pairs = {
        (i, j): np.mean((members[:, i] - members[:, j]) ** 2)
        for i, j in itertools.combinations(range(MEMBERS), 2)
    }
    expected = math.sqrt(min(pairs.values()) / np.mean(list(pairs.values())))
    assert value("least_difference", lead) == pytest.approx(expected)
    of_members, of_truth = [], []
    for b, t, left_out in np.ndindex(*truth.shape[:2], MEMBERS):
        others = np.delete(members[b, :, t], left_out, axis=0)
        away = ((others - members[b, left_out, t]) ** 2).mean(axis=(-2, -1))
        of_members.append(away.min())
        of_truth.append(((others - truth[b, t]) ** 2).mean(axis=(-2, -1)).min())
    expected = math.sqrt(np.mean(of_members) / np.mean(of_truth))
    assert value("nearest_difference", lead) == pytest.approx(expected)


def test_every_metric_of_members_is_there_overall_and_by_lead() -> None:
    found = judged_whole()
    assert set(MEMBER_METRICS) <= set(found.overall)
    assert set(found.by_lead) == set(found.overall)
    assert all(len(values) == LEADS for values in found.by_lead.values())
    assert found.is_of_members
    assert not MetricValues(overall=verify(ensemble()[1]), by_lead={}).is_of_members


def test_several_batches_are_as_one() -> None:
    found, expected = judged(*ensemble(masked=True), size=4), judged(*ensemble(masked=True))
    for name, value in expected.overall.items():
        assert found.overall[name] == pytest.approx(value, nan_ok=True), name
        assert found.by_lead[name] == pytest.approx(expected.by_lead[name], nan_ok=True), name


def test_masked_cells_have_no_effect() -> None:
    members, case = ensemble(masked=True)
    expected = judged(members, case)
    for field in (members, case.target_BTCHW, case.persistence_BTCHW):
        assert field is not None
        field.masked_fill_(~case.mask_HW, 1e9)
    assert judged(members, replace(case, known_truth=None)) == expected


def test_cells_count_by_their_shares_of_the_area() -> None:
    """As of a grid that has the cells of a heavy column twice."""
    members, case = ensemble()
    shares_HW = np.ones((ROWS, COLUMNS))
    shares_HW[:, -1] = 2.0
    found = judged(members, replace(case, geometry=GridGeometry(shares_HW, None))).overall
    shares = shares_HW / shares_HW.sum()
    x, y = members[:, :, :, 0].numpy(), case.target_BTCHW[:, :, 0].numpy()
    mse = ((x.mean(axis=1) - y) ** 2 * shares).sum(axis=(-2, -1)).mean()
    variance = (x.var(axis=1, ddof=1) * shares).sum(axis=(-2, -1)).mean()
    assert found["rmse_of_mean"] == pytest.approx(math.sqrt(mse))
    without = math.sqrt(mse - variance / MEMBERS)
    assert found["rmse_of_mean_without_sampling"] == pytest.approx(without)
    doubled = [np.concatenate([one, one[..., -1:]], axis=-1) for one in (x, y)]
    crps = crps_for_ensemble(
        xr.DataArray(doubled[0], dims=["b", "k", "t", "y", "x"]),
        xr.DataArray(doubled[1], dims=["b", "t", "y", "x"]),
        "k",
        method="fair",
    )
    assert found["crps"] == pytest.approx(float(crps))
