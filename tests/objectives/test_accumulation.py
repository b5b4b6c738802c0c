"""Statistics whose values are gathered over samples."""

from __future__ import annotations

import pytest
import torch

from fieldsharp.objectives.accumulation import EvenSubset, accumulation_of
from fieldsharp.objectives.verification_batch import Gathered, VerificationBatch

Tensor = torch.Tensor


def nothing(case: VerificationBatch) -> Tensor:
    raise NotImplementedError


def all_values(values_N: Tensor) -> Tensor:
    return values_N.sort(dim=0).values


def subset(most: int) -> EvenSubset:
    found = accumulation_of(Gathered(nothing, all_values, most))
    assert isinstance(found, EvenSubset)
    return found


def numbered(samples: int, leads: int, count: int) -> Tensor:
    """Values [B, T, N]: the lead in thousands of thousands, the sample in thousands, the cell."""
    sample, lead, cell = (torch.arange(n) for n in (samples, leads, count))
    grid = 1e6 * lead[None, :, None] + 1e3 * sample[:, None, None] + cell[None, None, :]
    return grid.double()


def test_few_values_are_all_kept() -> None:
    kept = subset(most=8)
    values = numbered(4, 3, 2)
    kept.add(values)

    for lead, found in enumerate(kept.result(per_lead=True)):
        assert torch.equal(found, values[:, lead].flatten())
    assert torch.equal(kept.result(per_lead=False), values.flatten().sort().values)


def test_of_many_values_as_many_as_asked_for_are_kept_and_the_same_at_each_lead() -> None:
    kept = subset(most=100)
    kept.add(numbered(30, 3, 50))

    by_lead = kept.result(per_lead=True)

    assert by_lead.shape == (3, 100)
    assert len(set(by_lead.flatten().tolist())) == 300
    assert torch.equal(by_lead[1] - 1e6, by_lead[0])
    assert torch.equal(by_lead[2] - 2e6, by_lead[0])
    assert torch.equal(kept.result(per_lead=False), by_lead.flatten())


@pytest.mark.parametrize("count", [64, 100, 128, 300])
def test_the_values_kept_are_spread_evenly(count: int) -> None:
    """Over samples, over the cells of a row-wise numbered grid, and over its columns."""
    samples, most = 64, 512
    kept = subset(most)
    kept.add(numbered(samples, 1, count))

    found = kept.result(per_lead=True)[0]

    by_sample = torch.bincount((found // 1000).long(), minlength=samples)
    assert 6 <= int(by_sample.min()) <= int(by_sample.max()) <= 10, "8 of each"
    quarter = torch.bincount((found % 1000 * 4 // count).long(), minlength=4)
    assert 112 <= int(quarter.min()) <= int(quarter.max()) <= 144, "128 in each"
    for width in (8, 16, 20):
        column = torch.bincount((found % 1000 % width).long(), minlength=width)
        assert int(column.min()) > 0.5 * most / width, f"columns of a grid {width} wide"


@pytest.mark.parametrize("sizes", [(30,), (1,) * 30, (7, 20, 3), (29, 1)])
def test_batches_do_not_change_which_values_are_kept(sizes: tuple[int, ...]) -> None:
    values = numbered(30, 2, 50)
    whole, kept = subset(most=100), subset(most=100)
    whole.add(values)
    first = 0
    for size in sizes:
        kept.add(values[first : first + size])
        first += size

    assert torch.equal(kept.result(per_lead=True), whole.result(per_lead=True))


def test_batches_may_have_values_of_other_numbers_of_cells() -> None:
    kept = subset(most=100)
    kept.add(numbered(10, 2, 50))
    kept.add(numbered(10, 2, 7) + 10_000)

    found = kept.result(per_lead=True)[0]

    assert len(set(found.tolist())) == 100
    assert int((found >= 10_000).sum()) == pytest.approx(100 * 70 / 570, abs=2)


def test_values_of_several_numbers_stay_together() -> None:
    kept = accumulation_of(Gathered(nothing, lambda pairs_N2: pairs_N2, most=20))
    values = numbered(30, 2, 50)
    kept.add(torch.stack([values, -values], dim=-1))

    found = kept.result(per_lead=True)

    assert found.shape == (2, 20, 2)
    assert torch.equal(found[..., 0], -found[..., 1])
