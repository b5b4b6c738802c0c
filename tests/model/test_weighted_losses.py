"""Pointwise losses that care more about high values: examples by hand, and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldsharp.model.losses.pointwise import balanced_mse, pinball

Tensor = torch.Tensor


def frame(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, 1, -1)


def land(cells: int) -> Tensor:
    return torch.ones(1, cells, dtype=torch.bool)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        # Weights 1 at the lowest training value, 5.5 half way, 10 at the highest and beyond.
        (frame(0.0, 1.0), (1 * 4.0 + 10 * 9.0) / 11),
        (frame(0.0, 0.5), (1 * 4.0 + 5.5 * 9.0) / 6.5),
        (frame(-0.7, 1.7), (1 * 4.0 + 10 * 9.0) / 11),
        # Over their mean: the same intensity everywhere is the mean square error.
        (frame(0.3, 0.3), (4.0 + 9.0) / 2),
    ],
)
def test_square_errors_weigh_as_much_as_the_truth_is_high(target: Tensor, expected: float) -> None:
    value_B = balanced_mse(target + frame(2.0, -3.0), target, land(2))

    assert value_B.tolist() == pytest.approx([expected])


def test_balanced_errors_agree_with_numpy(pair: tuple[Tensor, Tensor], coast_HW: Tensor) -> None:
    pred, target = pair
    mask = coast_HW.numpy()
    p, t = pred.numpy()[..., mask], target.numpy()[..., mask]
    weights = 1.0 + 9.0 * np.clip(t, 0.0, 1.0)

    expected = np.average((p - t) ** 2, axis=-1, weights=weights).mean(axis=(1, 2))

    np.testing.assert_allclose(balanced_mse(pred, target, coast_HW), expected, rtol=1e-12)


def test_a_channel_is_not_outweighed_by_one_with_higher_values() -> None:
    low, high = frame(0.0, 0.0), frame(1.0, 1.0)
    target = torch.cat([low, high], dim=2)
    pred = torch.cat([low + 2.0, high], dim=2)

    assert balanced_mse(pred, target, land(2)).tolist() == [2.0]  # (2^2 + 0) / 2


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        (frame(0.0), frame(1.0), 0.9),  # too low is dear
        (frame(1.0), frame(0.0), 0.1),  # too high is cheap
        (frame(0.0, 1.0, 5.0), frame(2.0, 1.0, 1.0), (1.8 + 0.0 + 0.4) / 3),
    ],
)
def test_what_is_missed_costs_nine_times_what_is_too_much(
    pred: Tensor, target: Tensor, expected: float
) -> None:
    assert pinball(pred, target, land(pred.shape[-1])).tolist() == pytest.approx([expected])


def test_the_quantile_loss_agrees_with_numpy(pair: tuple[Tensor, Tensor], coast_HW: Tensor) -> None:
    pred, target = pair
    missing = (target - pred).numpy()[..., coast_HW.numpy()]

    expected = np.where(missing > 0, 0.9 * missing, -0.1 * missing).mean(axis=(1, 2, 3))

    np.testing.assert_allclose(pinball(pred, target, coast_HW), expected, rtol=1e-12)


def test_the_best_constant_forecast_is_the_ninth_decile() -> None:
    draw = torch.Generator().manual_seed(4)
    truths = torch.randn(101, generator=draw, dtype=torch.float64).exp()
    target = truths.reshape(-1, 1, 1, 1, 1)

    costs = [
        float(pinball(level.expand_as(target), target, land(1)).mean())
        for level in truths  # between two truths the cost is linear, so the best is one of them
    ]

    assert float(truths[int(np.argmin(costs))]) == np.quantile(truths.numpy(), 0.9)
