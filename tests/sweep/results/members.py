"""Members of an ensemble as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fieldsharp.sweep.results.members_asked import MembersAsked
from fieldsharp.sweep.results.prediction import forecast_members
from fieldsharp.sweep.results.run_folder import TrainedRun

SEED_OF_TRAINING = 5
LAST = np.datetime64("2020-01-07T05:00:00", "ns")  # 150 hourly frames from 2020-01-01


def members_of(
    trained: TrainedRun, steps: int = 5, members: int = 4, seed: int | None = 3, **more: Any
) -> npt.NDArray[np.float32]:
    """Return the values [K, T, H, W] of members of the first variable."""
    found = forecast_members(trained, steps, asked=MembersAsked(members, seed), **more)
    return np.stack([variables[0].values_TCHW[:, 0] for variables in found])
