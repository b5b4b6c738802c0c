from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldsharp.fields.scaling import Scaling, fit_scaling
from fieldsharp.fields.series import FieldSeries

TRAINING = range(0, 4)


@pytest.fixture
def series() -> FieldSeries:
    values = np.random.default_rng(5).uniform(-3.0, 9.0, (8, 1, 3, 4)).astype(np.float32)
    values[6] = 40.0  # after the training frames
    values[7] = -40.0
    mask = np.ones((3, 4), dtype=np.bool_)
    mask[0, 0] = False
    values[:, :, 0, 0] = -999.0  # outside the mask
    return FieldSeries(
        values_TCHW=values,
        mask_HW=mask,
        time=np.arange(8),
        units="K",
        name="t",
        filled_T=np.zeros(8, dtype=np.float32),
    )


def test_training_values_span_zero_to_one_exactly(series: FieldSeries) -> None:
    scaling = fit_scaling(series, TRAINING)

    unit = scaling.to_unit(torch.from_numpy(series.values_TCHW))[
        ..., torch.from_numpy(series.mask_HW)
    ]

    assert unit[:4].min().item() == 0.0
    assert unit[:4].max().item() == 1.0


def test_later_frames_may_lie_outside_zero_to_one(series: FieldSeries) -> None:
    scaling = fit_scaling(series, TRAINING)

    unit = scaling.to_unit(torch.from_numpy(series.values_TCHW))[
        ..., torch.from_numpy(series.mask_HW)
    ]

    assert unit[6].min() > 1.0
    assert unit[7].max() < 0.0


def test_only_training_frames_and_valid_cells_are_looked_at(series: FieldSeries) -> None:
    scaling = fit_scaling(series, range(2, 5))

    seen = series.values_TCHW[2:5, 0][:, series.mask_HW]
    assert scaling.low == seen.min()
    assert scaling.high == seen.max()
    assert scaling.fill == pytest.approx(float(np.mean(seen.astype(np.float64))))


def test_scaling_there_and_back_gives_the_physical_value_in_double_precision() -> None:
    scaling = Scaling(low=250.0, high=310.0, fill=280.0)
    physical = torch.tensor([240.0, 250.0, 288.15, 310.0], dtype=torch.float64)

    unit = scaling.to_unit(physical)
    back = scaling.to_physical(unit.float())

    assert unit.tolist() == pytest.approx([-1 / 6, 0.0, 38.15 / 60, 1.0])
    assert back.dtype == torch.float64
    assert back.tolist() == pytest.approx(physical.tolist(), abs=1e-5)
