"""Undeclared fill values are found, and fields without one are left alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsharp.fields.fill_like import FillLike, FillLikeSearch, resembles_a_fill_value

Values = npt.NDArray[np.float64]


def _found(values: npt.NDArray[np.generic], blocks: int = 3) -> list[FillLike]:
    search = FillLikeSearch()
    for block in np.array_split(values.astype(np.float64), blocks):
        search.add(block)
    return search.found()


def _numbers(values: npt.NDArray[np.generic]) -> list[float]:
    return [mark.value for mark in _found(values)]


def _smooth(rng: np.random.Generator) -> Values:
    phase = rng.uniform(0, 2 * np.pi, (12, 1, 1))
    y, x = np.mgrid[0:16, 0:20]
    return np.asarray(280 + 15 * np.sin(2 * np.pi * x / 20 + phase) * np.cos(y / 5))


FIELDS: dict[str, Callable[[np.random.Generator], npt.NDArray[Any]]] = {
    "smooth": _smooth,
    "normal": lambda rng: rng.normal(0, rng.choice([1.0, 30.0, 300.0]), (12, 16, 20)),
    "lognormal": lambda rng: rng.lognormal(0, rng.uniform(0.5, 3), (12, 16, 20)),
    "rain": lambda rng: np.where(
        rng.random((12, 16, 20)) < 0.7, 0, rng.gamma(0.5, 40, (12, 16, 20))
    ),
    "cauchy": lambda rng: rng.standard_cauchy((12, 16, 20)) * 100,
    "hundredths of a degree": lambda rng: rng.integers(-1050, 3000, (12, 16, 20)),
    "humidity in whole percent": lambda rng: rng.integers(rng.integers(0, 99), 100, (12, 16, 20)),
    "pressure in whole hectopascals": lambda rng: rng.integers(999, 1004, (12, 16, 20)),
    "whole numbers around zero": lambda rng: np.rint(rng.normal(0, 60, (12, 16, 20))),
    "skewed whole numbers": lambda rng: np.rint(rng.lognormal(3, 1.5, (12, 16, 20))),
    "tenths": lambda rng: np.rint(rng.normal(0, 500, (12, 16, 20))) / 10,
    "molecules per area": lambda rng: rng.lognormal(35, 1, (12, 16, 20)),
    "one number": lambda rng: np.full((12, 16, 20), float(rng.integers(0, 100))),
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FIELDS)), st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_field_of_numbers_is_never_taken_for_fill_values(
    kind: str, seed: int, blocks: int
) -> None:
    values = FIELDS[kind](np.random.default_rng(seed))
    assert _found(values, blocks) == []
    assert _found(values.astype(np.float32), blocks) == []


MARKS = [1e20, 9.96921e36, -9999.0, -999.0, -32768.0, 1e15, 9.999e20, -1e34, -999.9, 99999.0]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("kind", ["smooth", "rain", "humidity in whole percent"])
def test_a_number_far_from_all_others_is_found(mark: float, kind: str) -> None:
    values = np.asarray(FIELDS[kind](np.random.default_rng(0)), np.float32)
    values[:, 3:6, 4:8] = mark
    assert _numbers(values) == [float(np.float32(mark))]


def test_a_number_among_the_others_with_no_neighbours_to_match_is_found() -> None:
    values = np.random.default_rng(0).normal(0, 150, (12, 16, 20)).astype(np.float32)
    values[:, 3:6, 4:8] = -99.9
    assert _numbers(values) == pytest.approx([-99.9])


def test_a_negative_number_beside_heavy_rain_is_found() -> None:
    values = np.random.default_rng(0).gamma(0.1, 50, (12, 16, 20))
    values[0, 0, 0] = 1200.0
    values[:, 3:6, 4:8] = -99.0
    assert _numbers(values) == [-99.0]


def test_two_numbers_are_found_with_their_counts_and_the_range_of_the_others() -> None:
    values = _smooth(np.random.default_rng(0))
    least, most = values[:, 1:].min(), values[:, 1:].max()
    values[:, 0, :5], values[:, 0, 5:] = -9999.0, 1e20
    found = sorted(_found(values), key=lambda mark: mark.value)
    assert found == [FillLike(-9999.0, 60, least, most), FillLike(1e20, 180, least, most)]


def test_nothing_but_a_fill_value_is_found() -> None:
    assert _numbers(np.full((3, 4, 5), -9999.0)) == [-9999.0]
    assert _found(np.full((3, 4, 5), np.nan)) == []


def test_numbers_that_mark_missing_values_are_known() -> None:
    assert all(resembles_a_fill_value(mark) for mark in [*MARKS, -99.9, 32767, -8888, 3.4028235e38])
    ordinary = [0, 1, -1, 9, 9.9, 0.999, 100, 273.15, 1013.25, 101325, 1e5, 88, 990.5, -1050]
    assert not any(resembles_a_fill_value(number) for number in ordinary)
