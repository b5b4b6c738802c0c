from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldsharp.fields.decorrelation import independent_samples


def _autoregressive(samples: int, memory: float, cells: int = 400) -> torch.Tensor:
    rng = np.random.default_rng(3)
    values = [rng.standard_normal(cells)]
    for _ in range(samples - 1):
        values.append(memory * values[-1] + np.sqrt(1 - memory**2) * rng.standard_normal(cells))
    return torch.from_numpy(np.stack(values))


@pytest.mark.parametrize("memory", [0.5, 0.8])
def test_of_a_first_order_process_it_is_what_theory_says(memory: float) -> None:
    """T (1 - memory) / (1 + memory), up to what is lost with the mean of the samples."""
    found = independent_samples(_autoregressive(600, memory))
    assert found == pytest.approx(600 * (1 - memory) / (1 + memory), rel=0.1)


def test_uncorrelated_samples_all_count() -> None:
    assert independent_samples(_autoregressive(50, 0.0)) > 45


@pytest.mark.parametrize("values", [torch.ones(30, 5), torch.randn(7, 5), torch.randn(1, 5)])
def test_a_constant_field_and_few_samples_count_as_one(values: torch.Tensor) -> None:
    assert independent_samples(values) == 1.0
