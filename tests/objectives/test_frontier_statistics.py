from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from fieldsharp.objectives.frontier.frontier import Frontier, FrontierCurve
from fieldsharp.objectives.frontier.statistics import FrontierStatistics
from fieldsharp.objectives.verification import verify
from fieldsharp.objectives.verification_batch import VerificationBatch
from tests.objectives.gaussian_fields import Simulation, coast, everywhere, simulate

Tensor = torch.Tensor
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


def frontier_of(case: VerificationBatch, *, blocks: int = 4, batch: int = 64) -> Frontier:
    windows = len(case.pred_BTCHW)
    statistics = FrontierStatistics(windows, blocks=blocks)
    for first in range(0, windows, batch):
        some = slice(first, first + batch)
        statistics.add(
            replace(case, pred_BTCHW=case.pred_BTCHW[some], target_BTCHW=case.target_BTCHW[some])
        )
    return statistics.frontier()


def real(simulation: Simulation, step: float, mask_HW: Tensor) -> tuple[float, float]:
    """RMSE and share of the gradient that the best forecast at a step really has."""
    metrics = verify(simulation.case(simulation.sharpened(step), mask_HW))
    return metrics["rmse"], metrics["gradient"] / metrics["gradient_observed"]


def unbiased(curve: FrontierCurve) -> list[float]:
    return [math.sqrt(rmse**2 - curve.bias**2) for rmse in curve.rmse]


@pytest.fixture(scope="module")
def humid() -> Simulation:
    return simulate(120)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize("steepness", [1.5, 2.0, 3.0])
def test_the_curve_is_what_the_best_forecasts_really_come_to(
    periodic: bool, uneven: bool, steepness: float
) -> None:
    simulation = simulate(200, steepness=steepness, periodic=periodic, uneven=uneven)
    curve = frontier_of(simulation.case(simulation.sharpened(0.0), everywhere())).overall

    for step in STEPS:
        rmse, share = real(simulation, step, everywhere())
        assert curve.rmse_at(share) == pytest.approx(rmse, rel=0.02)
        assert curve.gradient_shares[round(20 * step)] == pytest.approx(share, rel=0.02)
    assert curve.doubts == []
    assert curve.diagnosis == ""
    assert curve.estimate_because == ""


def test_with_a_coast_and_unequal_leads_too() -> None:
    simulation = simulate(150, (0.3, 0.1, 0.05), uneven=True)
    frontier = frontier_of(simulation.case(simulation.sharpened(0.0), coast()))

    for step in STEPS:
        point = round(20 * step)
        metrics = simulation.case(simulation.sharpened(step), coast())
        overall = verify(metrics)
        share = overall["gradient"] / overall["gradient_observed"]
        assert frontier.rmse_at(share) == pytest.approx(overall["rmse"], rel=0.02)
        assert frontier.overall.gradient_shares[point] == pytest.approx(share, rel=0.02)
        for lead, curve in enumerate(frontier.by_lead):
            alone = VerificationBatch(
                metrics.pred_BTCHW[:, [lead]],
                metrics.target_BTCHW[:, [lead]],
                None,
                coast(),
                metrics.climatology,
            )
            of_lead = verify(alone)
            share = of_lead["gradient"] / of_lead["gradient_observed"]
            assert curve.rmse_at(share) == pytest.approx(of_lead["rmse"], rel=0.05)
            assert curve.gradient_shares[point] == pytest.approx(share, rel=0.05)


def test_at_the_start_is_the_error_of_the_forecast_where_nothing_has_to_be_calibrated(
    humid: Simulation,
) -> None:
    case = humid.case(humid.sharpened(0.0), coast())
    curve = frontier_of(case).overall

    assert curve.rmse_as_trained == pytest.approx(verify(case)["rmse"], rel=1e-9)
    assert curve.rmse[0] == pytest.approx(verify(case)["rmse"], rel=0.01)


@pytest.mark.parametrize(("factor", "word"), [(1.4, "bold"), (0.7, "timid")])
def test_a_rescaled_forecast_has_the_same_curve_and_is_told_what_is_wrong(
    humid: Simulation, factor: float, word: str
) -> None:
    mean = humid.sharpened(0.0)
    usual = humid.usual_CHW
    honest = frontier_of(humid.case(mean, everywhere())).overall
    rescaled = frontier_of(humid.case(usual + factor * (mean - usual), everywhere())).overall

    assert unbiased(rescaled) == pytest.approx(unbiased(honest), rel=1e-9)
    assert rescaled.gradient_shares == pytest.approx(honest.gradient_shares, rel=1e-3)
    assert f"too {word}" in rescaled.diagnosis
    assert rescaled.orthogonality == pytest.approx((honest.orthogonality + 1) / factor - 1)
    assert "off orthogonality" in rescaled.estimate_because


def test_full_sharpness_costs_the_same_however_scales_are_weighted(humid: Simulation) -> None:
    # A weak blur changes the forecast at small scales only.
    mean = humid.sharpened(0.0) - humid.usual_CHW
    blurred = mean.clone()
    blurred[..., 1:-1, :] = (mean[..., :-2, :] + 2 * mean[..., 1:-1, :] + mean[..., 2:, :]) / 4
    honest = frontier_of(humid.case(humid.sharpened(0.0), everywhere())).overall
    smooth = frontier_of(humid.case(humid.usual_CHW + blurred, everywhere())).overall

    assert smooth.rmse_full == pytest.approx(honest.rmse_full, rel=0.02)


def test_noise_makes_a_forecast_too_bold_and_a_calibrated_one_better(humid: Simulation) -> None:
    mean = humid.sharpened(0.0)
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(mean.shape, generator=random, dtype=torch.float64)
    honest = frontier_of(humid.case(mean, everywhere())).overall
    noisy = frontier_of(humid.case(mean + 1.5 * noise, everywhere())).overall

    assert "too bold" in noisy.diagnosis
    assert honest.rmse[0] < noisy.rmse[0] < noisy.rmse_as_trained
    assert honest.rmse_full < noisy.rmse_full


def test_a_forecast_of_noise_alone_can_be_sharp_only_at_the_cost_of_random_fields(
    humid: Simulation,
) -> None:
    """Without any skill: the standard deviation at first, sqrt(2) times it at full sharpness."""
    other = simulate(120, seed=5)
    curve = frontier_of(humid.case(other.truth, everywhere())).overall
    deviation = float((humid.truth - humid.usual_CHW).square().mean().sqrt())

    assert curve.rmse[0] == pytest.approx(deviation, rel=0.03)
    assert curve.rmse_full == pytest.approx(math.sqrt(2.0) * deviation, rel=0.03)
    assert curve.orthogonality == pytest.approx(-1.0, abs=0.1)


def test_a_constant_climatological_forecast_has_a_curve(humid: Simulation) -> None:
    usual = humid.usual_CHW.expand_as(humid.truth)
    curve = frontier_of(humid.case(usual, everywhere())).overall

    assert curve.gradient_shares[0] == pytest.approx(0.0, abs=1e-6)
    assert curve.gradient_shares == sorted(curve.gradient_shares)
    assert curve.rmse_full == pytest.approx(math.sqrt(2.0) * curve.rmse[0], rel=0.01)
    assert curve.orthogonality == 0.0


def test_the_truth_is_a_curve_of_one_point(humid: Simulation) -> None:
    curve = frontier_of(humid.case(humid.truth, everywhere())).overall

    assert curve.gradient_shares == pytest.approx([1.0] * 21)
    assert curve.rmse == pytest.approx([0.0] * 21, abs=1e-5)


def test_a_bias_is_added_as_it_is(humid: Simulation) -> None:
    mean = humid.sharpened(0.0)
    honest = frontier_of(humid.case(mean, everywhere())).overall
    level = float((mean - humid.truth).mean())
    biased = frontier_of(humid.case(mean + 2.0 - level, everywhere())).overall

    assert biased.bias == pytest.approx(2.0)
    expected = [math.sqrt(rmse**2 - level**2 + 4.0) for rmse in honest.rmse]
    assert biased.rmse == pytest.approx(expected)
    assert biased.orthogonality == pytest.approx(honest.orthogonality)


def test_masked_cells_never_matter(humid: Simulation) -> None:
    case = humid.case(humid.sharpened(0.0), coast())
    other = replace(
        case,
        pred_BTCHW=torch.where(coast(), case.pred_BTCHW, math.nan),
        target_BTCHW=torch.where(coast(), case.target_BTCHW, -1e6),
    )

    assert frontier_of(other) == frontier_of(case)


def test_batches_of_any_size_give_the_same_curve(humid: Simulation) -> None:
    case = humid.case(humid.sharpened(0.0), coast())
    small, large = frontier_of(case, batch=7), frontier_of(case, batch=120)

    assert small.overall.rmse == pytest.approx(large.overall.rmse)
    assert small.overall.gradient_shares == pytest.approx(large.overall.gradient_shares)
    assert small.blocks == large.blocks == 4


@pytest.mark.parametrize(("windows", "blocks"), [(40, 4), (12, 3), (8, 2), (5, 1)])
def test_a_short_split_has_fewer_blocks_and_one_is_said(windows: int, blocks: int) -> None:
    simulation = simulate(windows)
    frontier = frontier_of(simulation.case(simulation.sharpened(0.0), everywhere()))

    assert frontier.blocks == blocks
    assert any("too short" in doubt for doubt in frontier.overall.doubts) == (blocks == 1)


def test_few_windows_do_not_blow_up() -> None:
    for seed in range(8):
        simulation = simulate(16, seed=seed)
        curve = frontier_of(simulation.case(simulation.sharpened(0.0), coast())).overall
        for step in STEPS:
            rmse, share = real(simulation, step, coast())
            assert curve.rmse_at(share) == pytest.approx(rmse, rel=0.06)


def test_a_block_that_differs_is_calibrated_by_the_others_alone() -> None:
    """Three quarters are three times too bold; the last is honest, and gets a third."""
    simulation = simulate(160)
    usual, mean = simulation.usual_CHW, simulation.sharpened(0.0)
    factor_B = torch.ones(160, 1, 1, 1, 1, dtype=torch.float64)
    factor_B[:120] = 3.0
    forecast = usual + factor_B * (mean - usual)
    curve = frontier_of(simulation.case(forecast, everywhere())).overall
    alone = frontier_of(simulation.case(mean, everywhere())).overall

    assert curve.rmse[0] > 1.05 * alone.rmse[0]


def test_fields_that_are_not_gaussian_are_an_estimate() -> None:
    """Rain: the truth a few narrow showers, the forecast broad and smooth."""
    simulation = simulate(120)
    anomaly = simulation.truth - simulation.usual_CHW
    case = simulation.case(simulation.sharpened(0.0), everywhere())
    showers = replace(case, target_BTCHW=simulation.usual_CHW + torch.relu(anomaly - 3.0) ** 2)

    assert "not Gaussian" in frontier_of(showers).overall.estimate_because


def test_windows_that_contradict_each_other_are_an_estimate() -> None:
    simulation = simulate(24)
    usual, mean = simulation.usual_CHW, simulation.sharpened(0.0)
    factor_B = torch.ones(24, 1, 1, 1, 1, dtype=torch.float64)
    factor_B[12:] = 2.0
    forecast = usual + 0.6 * factor_B * (mean - usual)
    curve = frontier_of(simulation.case(forecast, everywhere())).overall

    assert curve.orthogonality_error is not None
    assert curve.orthogonality_error > 0.1
    assert "too short to tell" in curve.estimate_because


def test_the_standard_error_of_the_orthogonality_is_its_spread_over_splits() -> None:
    curves = []
    for seed in range(30):
        simulation = simulate(24, seed=seed)
        case = simulation.case(simulation.sharpened(0.0), everywhere())
        curves.append(frontier_of(case).overall)
    found = torch.tensor([curve.orthogonality for curve in curves])
    errors = torch.tensor([curve.orthogonality_error or math.nan for curve in curves])

    assert float(errors.square().mean().sqrt()) == pytest.approx(float(found.std()), rel=0.4)
    assert sum(bool(curve.diagnosis) for curve in curves) <= 2


def test_a_forecast_that_diverged_has_a_curve_of_nothing(humid: Simulation) -> None:
    curve = frontier_of(humid.case(humid.truth * math.nan, everywhere())).overall

    assert math.isnan(curve.rmse_as_trained)
    assert "diverged" in curve.estimate_because


def test_doubts_of_a_lead_are_those_of_all() -> None:
    simulation = simulate(120, (0.2, 0.2))
    usual, mean = simulation.usual_CHW, simulation.sharpened(0.0)
    factor_T = torch.tensor([1.15, 0.87], dtype=torch.float64)[:, None, None, None]
    frontier = frontier_of(simulation.case(usual + factor_T * (mean - usual), everywhere()))

    assert "too bold" in frontier.by_lead[0].diagnosis
    assert "too timid" in frontier.by_lead[1].diagnosis
    assert frontier.overall.is_estimate


def test_channels_are_averaged_as_squares() -> None:
    simulation = simulate(60)
    case = simulation.case(simulation.sharpened(0.0), everywhere())
    assert case.climatology is not None
    double = VerificationBatch(
        torch.cat([case.pred_BTCHW, 2 * case.pred_BTCHW], dim=2),
        torch.cat([case.target_BTCHW, 2 * case.target_BTCHW], dim=2),
        None,
        everywhere(),
        replace(
            case.climatology,
            mean_CHW=torch.cat([case.climatology.mean_CHW, 2 * case.climatology.mean_CHW]),
        ),
    )
    one, two = frontier_of(case).overall, frontier_of(double).overall

    assert two.rmse == pytest.approx([rmse * math.sqrt(2.5) for rmse in one.rmse])
    assert two.gradient_shares == pytest.approx(one.gradient_shares)


def test_what_cannot_be_computed_is_refused(humid: Simulation) -> None:
    case = humid.case(humid.sharpened(0.0), everywhere())
    with pytest.raises(ValueError, match="no forecast was added"):
        FrontierStatistics(5).frontier()
    with pytest.raises(ValueError, match="at least one window"):
        FrontierStatistics(0)
    with pytest.raises(ValueError, match="of 119 windows was given 120"):
        FrontierStatistics(119).add(case)
    with pytest.raises(ValueError, match="needs a climatology"):
        FrontierStatistics(120).add(replace(case, climatology=None))
    statistics = FrontierStatistics(240)
    statistics.add(case)
    with pytest.raises(ValueError, match="the same mask"):
        statistics.add(replace(case, mask_HW=coast()))
