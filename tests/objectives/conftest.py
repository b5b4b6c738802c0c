from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.verification_batch import VerificationBatch
from tests.objectives import cheats
from tests.objectives.forecasts import Judged

SAMPLES, LEADS, ROWS, COLUMNS = 5, 3, 16, 18


@pytest.fixture
def case() -> VerificationBatch:
    """Five forecasts of three leads, near but not equal to the truth, on a grid with a coast.

    The truth is smooth about an uneven climatology; the error is rough and grows with the lead. The
    coast leaves the first of 3 x 3 regions only six cells.
    """
    rng = np.random.default_rng(11)
    shape = (SAMPLES, LEADS, 1, ROWS, COLUMNS)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    mask = np.ones((ROWS, COLUMNS), dtype=np.bool_)
    mask[:5, :6] = False
    mask[11, 13] = False
    usual = np.where(mask, 10.0 + 0.2 * y - 0.1 * x, 0.0)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), (0, 0, 0, 1, 1))
    target = usual + 9.0 * smooth + 0.5
    leads = np.arange(1, LEADS + 1)[:, None, None, None]
    pred = target + 0.4 + 0.5 * leads * rng.normal(size=shape)
    last_known = usual + 3.0 * rng.normal(size=(SAMPLES, 1, 1, ROWS, COLUMNS))
    return VerificationBatch(
        pred_BTCHW=torch.from_numpy(pred),
        target_BTCHW=torch.from_numpy(target),
        persistence_BTCHW=torch.from_numpy(np.repeat(last_known, LEADS, axis=1)),
        mask_HW=torch.from_numpy(mask),
        climatology=Climatology(
            mean_CHW=torch.from_numpy(usual[None]),
            levels_L=torch.tensor([14.0, 17.0], dtype=torch.float64),
            value_range=18.0,
        ),
    )


@pytest.fixture(scope="session")
def places() -> dict[str, Judged]:
    """The scenes by name, where each forecast is judged once."""
    return {
        "plumes": Judged(cheats.plume_scene()),
        "humidity": Judged(cheats.uk_scene()),
        "temperature": Judged(cheats.uk_scene("Tair")),
    }
