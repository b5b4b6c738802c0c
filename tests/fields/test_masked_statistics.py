from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fieldsharp.fields import masked_statistics
from fieldsharp.fields.masked_statistics import climatology_of, fit_climatology, in_rising_order
from fieldsharp.fields.series import FieldSeries

FRAMES, ROWS, COLUMNS = 50, 6, 8


def values(seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    usual = np.arange(ROWS * COLUMNS).reshape(1, 1, ROWS, COLUMNS)
    return (usual + rng.normal(size=(FRAMES, 1, ROWS, COLUMNS))).astype(np.float32)


def coast() -> torch.Tensor:
    mask = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    mask[:2, :3] = False
    return mask


def series_of(values_TCHW: NDArray[np.float32], mask_HW: torch.Tensor) -> FieldSeries:
    return FieldSeries(
        values_TCHW=values_TCHW,
        mask_HW=mask_HW.numpy(),
        time=np.arange(len(values_TCHW)),
        units="K",
        name="t",
        filled_T=np.zeros(len(values_TCHW), dtype=np.float32),
    )


def test_the_mean_is_that_of_each_cell_and_zero_where_masked() -> None:
    field = values()

    found = climatology_of(torch.from_numpy(field), coast()).mean_CHW

    expected = np.where(coast().numpy(), field.astype(np.float64).mean(axis=0), 0.0)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_levels_are_the_quantiles_of_all_valid_values() -> None:
    field = values()

    levels = climatology_of(torch.from_numpy(field), coast()).levels_L

    inside = field[..., coast().numpy()]
    np.testing.assert_allclose(levels, np.quantile(inside.astype(float), [0.9, 0.99]), rtol=1e-9)
    for level, share in zip(levels.tolist(), (0.1, 0.01), strict=True):
        assert (inside > level).mean() == pytest.approx(share, abs=1e-3)


def test_the_range_is_that_of_the_valid_values() -> None:
    field = values()
    inside = field[..., coast().numpy()]

    found = climatology_of(torch.from_numpy(field), coast()).value_range

    assert found == float(inside.max()) - float(inside.min())


@pytest.mark.parametrize("intruder", [math.nan, math.inf, -math.inf, 1e9])
def test_masked_cells_never_matter(intruder: float) -> None:
    field = torch.from_numpy(values())

    clean = climatology_of(field, coast())
    soiled = climatology_of(torch.where(coast(), field, intruder), coast())

    assert torch.equal(soiled.mean_CHW, clean.mean_CHW)
    assert torch.equal(soiled.levels_L, clean.levels_L)
    assert soiled.value_range == clean.value_range


def test_only_the_given_frames_count() -> None:
    field = values()
    later = field.copy()
    later[30:] += 1000.0

    before = fit_climatology(series_of(field, coast()), range(5, 30))
    after = fit_climatology(series_of(later, coast()), range(5, 30))
    expected = climatology_of(torch.from_numpy(field[5:30]), coast())

    for found in (before, after):
        assert torch.equal(found.mean_CHW, expected.mean_CHW)
        assert torch.equal(found.levels_L, expected.levels_L)
        assert found.value_range == expected.value_range


def test_a_mean_of_many_frames_is_taken_in_double_precision() -> None:
    """In single precision the sum of 20,000 values near 280 loses the second decimal."""
    field = torch.full((20_000, 1, 1, 2), 280.1, dtype=torch.float32)

    found = climatology_of(field, torch.ones(1, 2, dtype=torch.bool)).mean_CHW

    torch.testing.assert_close(found, field[0].double(), rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("most", [300, 150, 100])
def test_levels_of_a_long_series_come_from_every_cell(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """48 cells, thinned 8, 16 and 24 times: a plain stride would see a few columns alone."""
    field = torch.from_numpy(values())
    everywhere = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    exact = climatology_of(field, everywhere)
    monkeypatch.setattr(masked_statistics, "MOST_VALUES_SORTED", most)

    thinned = climatology_of(field, everywhere)

    assert thinned.levels_L[0].item() == pytest.approx(exact.levels_L[0].item(), abs=1.0)
    assert thinned.value_range == exact.value_range
    assert torch.equal(thinned.mean_CHW, exact.mean_CHW)


# --- Sorting the values of a frame ----------------------------------------------------------------


Tensor = torch.Tensor
INF, NAN = float("inf"), float("nan")


def _drawn(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("trained", [False, True])
def test_the_order_is_that_of_torch(dtype: torch.dtype, *, trained: bool) -> None:
    values = _drawn(2, 3, 1, 275).to(dtype).requires_grad_(trained)
    assert torch.equal(in_rising_order(values), values.sort(dim=-1).values)


@pytest.mark.parametrize("trained", [False, True])
def test_of_what_is_no_number_too(*, trained: bool) -> None:
    values = torch.tensor([[1.0, NAN, -INF, INF, -1.0]], requires_grad=trained)
    found = in_rising_order(values)
    assert found[0, :4].tolist() == [-INF, -1.0, 1.0, INF]
    assert found[0, 4].isnan()


def test_a_gradient_reaches_the_cell_it_is_of() -> None:
    values = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    (in_rising_order(values) * torch.tensor([10.0, 20.0, 30.0])).sum().backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    assert values.grad.tolist() == [[30.0, 10.0, 20.0]]


def test_its_derivative_is_that_of_finite_differences() -> None:
    values = _drawn(2, 7).requires_grad_()
    assert torch.autograd.gradcheck(in_rising_order, (values,))


def test_what_is_sorted_stays_as_it_was() -> None:
    values = torch.tensor([[2.0, 1.0]])
    in_rising_order(values)
    assert values.tolist() == [[2.0, 1.0]]
