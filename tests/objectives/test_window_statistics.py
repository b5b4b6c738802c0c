"""Statistics of windows as they are stored, and their groups."""

import numpy as np
import pytest

from fieldsharp.objectives.leads.window_statistics import Grouping, Series


def test_a_series_keeps_its_mean_to_the_last_digit() -> None:
    values_W = 300.0 + np.random.default_rng(0).normal(size=307)
    sizes_W = np.r_[np.full(306, 3), 1]
    again_W = Series.model_validate_json(Series.of(values_W, sizes_W).model_dump_json()).values_W()
    assert again_W == pytest.approx(values_W, abs=1e-6)
    mean = np.average(values_W, weights=sizes_W)
    assert np.average(again_W, weights=sizes_W) == pytest.approx(mean, rel=1e-14)


def test_a_forecast_that_diverged_is_stored_too() -> None:
    values_W = np.array([1.0, 1e300, np.nan])
    series = Series.of(values_W, np.ones(3, dtype=np.int64))
    again_W = Series.model_validate_json(series.model_dump_json()).values_W()
    assert again_W.tolist()[:2] == [1.0, np.inf]
    assert np.isnan(again_W[2])


def test_no_group_reaches_across_a_break_in_time() -> None:
    starts_W = [*range(0, 1400, 2), *range(1500, 2100, 2)]
    grouping = Grouping(starts_W, every=2, most=100)
    assert sum(grouping.sizes_W) == len(starts_W) == 1000
    assert len(grouping.sizes_W) <= 100
    assert grouping.stretches == [0, 70]
    assert sum(grouping.sizes_W[:70]) == 700
    first_and_last_of_groups = np.split(np.array(starts_W), np.cumsum(grouping.sizes_W)[:-1])
    assert all(np.ptp(group) == 2 * (len(group) - 1) for group in first_and_last_of_groups)


def test_groups_have_the_mean_of_their_windows() -> None:
    values_W = np.random.default_rng(1).normal(size=1000)
    grouping = Grouping(range(1000), every=1, most=300)
    assert grouping.sizes_W.tolist() == [4] * 250
    series = grouping.series(values_W)
    assert series.values_W() == pytest.approx(values_W.reshape(250, 4).mean(axis=1), abs=1e-6)


def test_few_windows_are_stored_one_by_one() -> None:
    values_W = np.arange(512.0)
    grouping = Grouping(range(512), every=1)
    assert grouping.series(values_W).values_W() == pytest.approx(values_W)
