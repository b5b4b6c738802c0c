from __future__ import annotations

import numpy as np
import pytest
import torch

from objectives.case import Case

SAMPLES, LEADS, ROWS, COLUMNS = 5, 3, 7, 8


@pytest.fixture
def case() -> Case:
    """Five forecasts of three leads, near but not equal to the truth, on a grid with a coast."""
    rng = np.random.default_rng(11)
    shape = (SAMPLES, LEADS, 1, ROWS, COLUMNS)
    target = rng.normal(10.0, 3.0, shape)
    leads = np.arange(1, LEADS + 1)[:, None, None, None]
    pred = target + 0.4 + 0.5 * leads * rng.normal(size=shape)
    persistence = np.repeat(rng.normal(10.0, 3.0, (SAMPLES, 1, 1, ROWS, COLUMNS)), LEADS, axis=1)
    mask = np.ones((ROWS, COLUMNS), dtype=np.bool_)
    mask[:2, :3] = False
    mask[5, 6] = False
    return Case(
        pred_BTCHW=torch.from_numpy(pred),
        target_BTCHW=torch.from_numpy(target),
        persistence_BTCHW=torch.from_numpy(persistence),
        mask_HW=torch.from_numpy(mask),
    )
