"""Metrics by the cells' shares of the area and gradients per km, against scores and NumPy."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
import xarray as xr
from scores import continuous

from fieldsharp.fields.coordinates.grid_geometry import GridGeometry
from fieldsharp.objectives.frontier.statistics import FrontierStatistics
from fieldsharp.objectives.leads.window_accumulation import WindowAccumulation
from fieldsharp.objectives.metrics import METRICS
from fieldsharp.objectives.verification import Verification, verify
from fieldsharp.objectives.verification_batch import VerificationBatch

Array = npt.NDArray[np.float64]
DIMS = ("b", "t", "c", "y", "x")
WEIGHTED = (
    *("mean_observed", "rmse", "mae", "bias", "correlation", "rmse_persistence"),
    *("skill_persistence", "rmse_climatology", "skill_climatology", "change_ratio"),
    *("anomaly_correlation", "std_ratio", "region_std_ratio"),
)
PER_KM = (
    *("gradient", "gradient_observed", "gradient_correlation"),
    *("forward_sobel", "forward_sobel_observed", "fss_gradient_90"),
)


def _geometry(case: VerificationBatch, *, weights: bool = False, km: bool = False) -> GridGeometry:
    rows, columns = case.mask_HW.shape
    latitude = np.linspace(85.0, -20.0, rows)
    cosine = np.cos(np.deg2rad(latitude))[:, None] * np.ones(columns)
    spacing = 40.0 * cosine, np.full((rows, columns), 70.0)
    return GridGeometry(cosine if weights else None, spacing if km else None)


def _missing(case: VerificationBatch, values: torch.Tensor) -> xr.DataArray:
    return xr.DataArray(np.where(case.mask_HW.numpy(), values.numpy(), np.nan), dims=DIMS)


def test_without_weights_and_distances_every_number_is_the_same_to_the_bit(
    case: VerificationBatch,
) -> None:
    assert verify(replace(case, geometry=GridGeometry())) == verify(case)
    assert _frontier(replace(case, geometry=GridGeometry())) == _frontier(case)


def test_errors_are_those_of_scores_with_weights(case: VerificationBatch) -> None:
    geometry = _geometry(case, weights=True)
    found = verify(replace(case, geometry=geometry))
    pred, target = _missing(case, case.pred_BTCHW), _missing(case, case.target_BTCHW)
    weights = xr.DataArray(np.asarray(geometry.weights_HW), dims=("y", "x"))
    assert case.climatology is not None
    usual = case.climatology.mean_CHW.expand_as(case.target_BTCHW)
    by_scores = {
        "rmse": math.sqrt(float(continuous.mse(pred, target, weights=weights))),
        "mae": float(continuous.mae(pred, target, weights=weights)),
        "bias": float(continuous.additive_bias(pred, target, weights=weights)),
        "mean_observed": float(target.weighted(weights).mean()),
        "rmse_climatology": math.sqrt(
            float(continuous.mse(_missing(case, usual), target, weights=weights))
        ),
    }
    for name, value in by_scores.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name
    assert found["rmse"] != pytest.approx(verify(case)["rmse"], rel=1e-3)


def test_correlation_and_deviation_are_those_of_xarray_with_weights(
    case: VerificationBatch,
) -> None:
    geometry = _geometry(case, weights=True)
    found = verify(replace(case, geometry=geometry))
    pred, target = _missing(case, case.pred_BTCHW), _missing(case, case.target_BTCHW)
    weights = xr.DataArray(np.asarray(geometry.weights_HW), dims=("y", "x"))
    by_hand = float(xr.corr(pred, target, weights=weights.broadcast_like(target)))
    assert found["correlation"] == pytest.approx(by_hand, rel=1e-10)
    assert case.climatology is not None
    usual = xr.DataArray(case.climatology.mean_CHW.numpy(), dims=DIMS[2:])
    p, t = (pred - usual), (target - usual)
    by_hand = float(xr.corr(p, t, weights=weights.broadcast_like(t)))
    assert found["anomaly_correlation"] == pytest.approx(by_hand, rel=1e-10)
    ratio = float(p.weighted(weights).std()) / float(t.weighted(weights).std())
    assert found["std_ratio"] == pytest.approx(ratio, rel=1e-10)


def test_weights_change_no_other_metric_and_distances_only_gradients(
    case: VerificationBatch,
) -> None:
    plain = verify(case)
    weighted = verify(replace(case, geometry=_geometry(case, weights=True)))
    per_km = verify(replace(case, geometry=_geometry(case, km=True)))
    assert {n for n in METRICS if weighted[n] != plain[n]} == set(WEIGHTED)
    assert {n for n in METRICS if per_km[n] != plain[n]} == set(PER_KM)


def test_the_scale_of_weights_has_no_influence(case: VerificationBatch) -> None:
    geometry = _geometry(case, weights=True)
    assert geometry.weights_HW is not None
    scaled = replace(geometry, weights_HW=7.0 * geometry.weights_HW)
    found, again = (verify(replace(case, geometry=g)) for g in (geometry, scaled))
    for name in WEIGHTED:
        assert found[name] == pytest.approx(again[name], rel=1e-12), name


def test_cells_that_all_lie_on_the_pole_count_the_same(case: VerificationBatch) -> None:
    on_the_pole = np.full(tuple(case.mask_HW.shape), np.cos(np.deg2rad(90.0)))
    found = verify(replace(case, geometry=GridGeometry(on_the_pole)))
    assert found["rmse"] == pytest.approx(verify(case)["rmse"], rel=1e-12)


def test_a_row_on_the_pole_counts_nothing_in_the_error(case: VerificationBatch) -> None:
    geometry = _geometry(case, weights=True)
    assert geometry.weights_HW is not None
    geometry.weights_HW[0] = np.cos(np.deg2rad(90.0))
    wrong = case.pred_BTCHW.clone()
    wrong[..., 0, :] += 100.0
    found = verify(replace(case, pred_BTCHW=wrong, geometry=geometry))
    right = verify(replace(case, geometry=geometry))
    assert found["rmse"] == pytest.approx(right["rmse"], rel=1e-9)
    assert found["region_std_ratio"] == pytest.approx(right["region_std_ratio"], rel=1e-9)


def test_gradients_per_km_are_those_by_hand(case: VerificationBatch) -> None:
    geometry = _geometry(case, km=True)
    assert geometry.spacing_km_HW is not None
    dx, dy = geometry.spacing_km_HW
    mask, truth = case.mask_HW.numpy(), case.target_BTCHW.numpy()[:, :, 0]
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8.0
    sobel, forward = [], []
    for i in range(1, mask.shape[0] - 1):
        for j in range(1, mask.shape[1] - 1):
            if not mask[i - 1 : i + 2, j - 1 : j + 2].all():
                continue
            stencil = truth[..., i - 1 : i + 2, j - 1 : j + 2]
            gx = (stencil * kernel).sum(axis=(-1, -2)) / dx[i, j]
            gy = (stencil * kernel.T).sum(axis=(-1, -2)) / dy[i, j]
            sobel.append(np.hypot(gx, gy))
            here = truth[..., i, j]
            fx = (truth[..., i, j + 1] - here) / dx[i, j]
            fy = (truth[..., i + 1, j] - here) / dy[i, j]
            forward.append(np.hypot(fx, fy))
    found = verify(replace(case, geometry=geometry))
    assert found["gradient_observed"] == pytest.approx(float(np.mean(sobel)), rel=1e-12)
    ratio = float(np.mean(forward) / np.mean(sobel))
    assert found["forward_sobel_observed"] == pytest.approx(ratio, rel=1e-12)


def _frontier(case: VerificationBatch) -> object:
    statistics = FrontierStatistics(len(case.pred_BTCHW))
    statistics.add(case)
    return statistics.frontier()


def test_the_frontier_has_the_weighted_error_and_the_gradient_per_km(
    case: VerificationBatch,
) -> None:
    case = replace(case, geometry=_geometry(case, weights=True, km=True))
    statistics = FrontierStatistics(len(case.pred_BTCHW))
    statistics.add(case)
    curve = statistics.frontier().overall
    verification = Verification()
    verification.add(case)
    metrics = verification.metric_values().overall
    assert curve.rmse_as_trained == pytest.approx(metrics["rmse"], rel=1e-9)
    share = metrics["gradient"] / metrics["gradient_observed"]
    assert curve.gradient_share_as_trained == pytest.approx(share, rel=1e-9)
    # With the powers of the truth, and no rescaling, 2 S_t (1 - c) and the square of the bias.
    assert curve.rmse_full > curve.rmse[0]


def test_equal_distances_change_no_share_of_the_frontier(case: VerificationBatch) -> None:
    even = np.full(tuple(case.mask_HW.shape), 25.0)
    per_km = replace(case, geometry=GridGeometry(None, (even, even)))
    found, plain = FrontierStatistics(5), FrontierStatistics(5)
    found.add(per_km)
    plain.add(case)
    shares, before = (one.frontier().overall.gradient_shares for one in (found, plain))
    assert shares == pytest.approx(before, rel=1e-9)


def test_windows_have_the_weighted_error_and_the_gradient_per_km(case: VerificationBatch) -> None:
    case = replace(case, geometry=_geometry(case, weights=True, km=True))
    windows = WindowAccumulation(range(5), 1, 1)
    windows.add_truth(case)
    windows.add("none", case)
    found, metrics = windows.statistics(), verify(case)
    assert found.observed is not None
    error = found.forecasts["none"].squared_error.values_W().mean()
    assert math.sqrt(error) == pytest.approx(metrics["rmse"], rel=1e-9)
    gradient = found.observed.gradient.values_W().mean()
    assert gradient == pytest.approx(metrics["gradient_observed"], rel=1e-9)
    mean = found.observed.mean.values_W().mean()
    assert mean == pytest.approx(metrics["mean_observed"], rel=1e-9)
