"""Scores of members: `scores`, `scoringrules` and NumPy by hand."""

import operator
from typing import Any

import numpy as np
import pytest
import scoringrules
import torch
import xarray as xr
from scores.probability import (
    brier_score_for_ensemble,
    crps_for_ensemble,
    tail_tw_crps_for_ensemble,
)

from fieldsharp.objectives.members.field_scores import LAGS, fair_energy_score, fair_variogram_score
from fieldsharp.objectives.members.proper_scores import fair_brier_score, fair_crps, fair_crps_above
from fieldsharp.objectives.members.spread import error_without_sampling, spread

Array = np.ndarray[Any, np.dtype[np.float64]]
THRESHOLD = 0.7


def fields(members: int, height: int = 6, width: int = 11) -> tuple[Array, Array]:
    """Members [5, K, H, W] and what was observed [5, H, W]; a third of the values are 0."""
    draw = np.random.default_rng(3)
    values = draw.normal(size=(5, members + 1, height, width)).cumsum(axis=-1)
    values[values < 0] *= draw.integers(0, 2, size=(values < 0).sum())
    return values[:, :-1], values[:, -1]


def last(members: Array) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(members, 1, -1).copy())


@pytest.mark.parametrize("members", [2, 3, 8])
def test_crps_and_that_above_a_threshold_are_those_of_two_packages(members: int) -> None:
    drawn, observed = fields(members)
    as_arrays = (
        xr.DataArray(drawn, dims=["b", "member", "y", "x"]),
        xr.DataArray(observed, dims=["b", "y", "x"]),
    )
    found = fair_crps(last(drawn), torch.from_numpy(observed)).numpy()
    expected = crps_for_ensemble(*as_arrays, "member", method="fair", preserve_dims="all")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    by_rules = scoringrules.crps_ensemble(observed, drawn, m_axis=1, estimator="fair")
    np.testing.assert_allclose(found, by_rules, atol=1e-12)
    above = fair_crps_above(last(drawn), torch.from_numpy(observed), THRESHOLD).numpy()
    expected = tail_tw_crps_for_ensemble(
        *as_arrays, "member", THRESHOLD, tail="upper", method="fair", preserve_dims="all"
    )
    np.testing.assert_allclose(above, expected, atol=1e-12)


def test_the_brier_score_is_that_of_scores_for_ensembles() -> None:
    drawn, observed = fields(5)
    expected = brier_score_for_ensemble(
        xr.DataArray(drawn, dims=["b", "member", "y", "x"]),
        xr.DataArray(observed, dims=["b", "y", "x"]),
        "member",
        THRESHOLD,
        event_threshold_operator=operator.gt,
        preserve_dims="all",
    ).squeeze("threshold")
    found = fair_brier_score(last(drawn), torch.from_numpy(observed), THRESHOLD)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("members", [2, 5])
def test_the_energy_score_is_that_of_scoringrules_with_cells_as_one_vector(members: int) -> None:
    drawn, observed = fields(members)
    cells = drawn.reshape(5, members, -1), observed.reshape(5, -1)
    found = fair_energy_score(torch.from_numpy(cells[0]), torch.from_numpy(cells[1]), None)
    expected = scoringrules.es_ensemble(cells[1], cells[0], estimator="fair")
    np.testing.assert_allclose(found.numpy(), expected / np.sqrt(cells[1].shape[1]), rtol=1e-12)


def test_shares_of_cells_count_as_if_cells_were_there_more_than_once() -> None:
    drawn, observed = fields(3)
    cells = torch.from_numpy(drawn.reshape(5, 3, -1)), torch.from_numpy(observed.reshape(5, -1))
    times = torch.randint(1, 4, (cells[1].shape[1],), generator=torch.Generator().manual_seed(1))
    found = fair_energy_score(*cells, times / times.double().mean())
    repeated = [one.repeat_interleave(times, dim=-1) for one in cells]
    torch.testing.assert_close(found, fair_energy_score(repeated[0], repeated[1], None))


@pytest.mark.parametrize("members", [2, 4])
def test_the_variogram_score_is_that_of_scoringrules_on_the_pairs_that_count(members: int) -> None:
    drawn, observed = fields(members)
    mask = np.ones(observed.shape[1:], dtype=bool)
    mask[2:4, 3:5] = False
    shown = np.where(mask, drawn, np.nan), np.where(mask, observed, np.nan)
    found = fair_variogram_score(
        torch.from_numpy(shown[0]), torch.from_numpy(shown[1]), torch.from_numpy(mask)
    )
    row, column = np.nonzero(mask)
    away = np.abs(row[:, None] - row), np.abs(column[:, None] - column)
    weight = np.zeros((len(row), len(row)))
    for along, across in (away, away[::-1]):
        for lag in LAGS:
            pairs = (along == lag) & (across == 0)
            if pairs.any():
                weight += pairs / (lag * pairs.sum())
    expected = scoringrules.vs_ensemble(
        observed[:, mask], drawn[:, :, mask], w=weight, p=0.5, estimator="fair"
    )
    total = sum(
        1.0 / lag for along in away for lag in LAGS if ((along == lag) & (sum(away) == lag)).any()
    )
    np.testing.assert_allclose(found.numpy(), expected / total, rtol=1e-10)


def test_spread_and_error_by_hand() -> None:
    assert spread(4.0, 8) == pytest.approx(2.0 * np.sqrt(9 / 8))
    assert error_without_sampling(5.0, 8.0, 8) == pytest.approx(2.0)
    assert error_without_sampling(0.5, 8.0, 8) == 0.0
