from __future__ import annotations

import pytest
import torch

from fieldsharp.fields.ordering import in_rising_order

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
