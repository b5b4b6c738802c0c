"""The variation of a truth in time, against numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.verification_batch import VerificationBatch

ROWS, COLUMNS = 15, 18


def _variation(
    amplitude_B: list[float], batch: int, *, masked_value: float = 0.0
) -> FieldVariation:
    """One pattern about a climatology of 0, with another amplitude in each sample, at two leads."""
    pattern_HW = np.random.default_rng(2).standard_normal((ROWS, COLUMNS))
    mask_HW = np.ones((ROWS, COLUMNS), dtype=np.bool_)
    mask_HW[:4, :5] = False
    pattern_HW -= pattern_HW[mask_HW].mean()
    truth = np.array(amplitude_B)[:, None, None, None, None] * pattern_HW
    truth = np.repeat(truth, 2, axis=1)
    truth[..., ~mask_HW] = masked_value
    target_BTCHW = torch.from_numpy(truth)
    usual = Climatology(
        torch.zeros(1, ROWS, COLUMNS, dtype=torch.float64), torch.zeros(2, dtype=torch.float64), 1.0
    )
    variation = TruthVariation(len(amplitude_B))
    for first in range(0, len(amplitude_B), batch):
        part = target_BTCHW[first : first + batch]
        case = VerificationBatch(part, part, None, torch.from_numpy(mask_HW), usual)
        variation.add(case, torch.arange(first, first + len(part)))
    return variation.variation(target_BTCHW[:, 0, 0][:, torch.from_numpy(mask_HW)])


def test_the_block_with_most_is_compared_with_the_whole() -> None:
    amplitudes = [1.0] * 4 + [2.0] * 4 + [1.0] * 8
    found = _variation(amplitudes, batch=5).largest

    mean_square, mean = (3 * 1.0 + 4.0) / 4, (3 * 1.0 + 2.0) / 4
    for name in ("power_small", "power_middle", "power_large", "roughness"):
        assert found[name] == pytest.approx(10 * np.log10(4.0 / mean_square), abs=1e-6)
    assert found["std_ratio"] == pytest.approx(2.0 / np.sqrt(mean_square))
    assert found["peak_isolation"] == pytest.approx(2.0 / mean)
    assert found["forward_sobel"] == pytest.approx(1.0)  # a ratio that no amplitude changes
    # With the quiet share of the mean variance; regions have about the same.
    assert found["region_std_ratio"] == pytest.approx(2.0 / np.sqrt(mean_square), rel=0.05)


def test_a_truth_that_does_not_vary_gives_the_least() -> None:
    found = _variation([1.0] * 16, batch=16)
    assert found.largest == pytest.approx(
        {
            name: 1.0 if "ratio" in name or name in ("forward_sobel", "peak_isolation") else 0.0
            for name in found.largest
        },
        abs=1e-9,
    )
    assert found.independent_samples == 1.0


def test_a_short_split_is_one_block() -> None:
    assert _variation([1.0, 2.0, 1.0], batch=3).largest["std_ratio"] == pytest.approx(1.0)


def test_a_masked_cell_changes_nothing() -> None:
    amplitudes = [1.0] * 6 + [2.0] * 6
    assert _variation(amplitudes, 4) == _variation(amplitudes, 4, masked_value=1e6)
