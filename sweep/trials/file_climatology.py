"""The reference of departures of a truth file, and which guards it is good enough for."""

import math

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.fields.decorrelation import independent_samples, thinned
from fieldsharp.fields.masked_statistics import EVENT_SHARES, Climatology
from fieldsharp.fields.pairing import MIN_SHARE_OF_CELLS
from fieldsharp.fields.reading import RawField
from fieldsharp.fields.series import BoolArray
from fieldsharp.objectives.settings import GuardSettings

LEAST_CLIMATOLOGY_FRAMES = 40
"""Each cell's mean over fewer is so near to the truth that honest forecasts hardly correlate."""
ENOUGH_CLIMATOLOGY_FRAMES = 100
FOLLOW_THE_TRUTH = ("correlation", "climatology")
"""Guards that need each cell's mean."""


def file_climatology(
    observed: RawField, limits: GuardSettings
) -> tuple[Climatology, str, GuardSettings]:
    """Return the climatology of the truth file, its description, and limits that suit it.

    Raises:
        DataError: If the truth holds no value.
    """
    values_THW = observed.values_THW
    frames = len(values_THW)
    known_THW = np.isfinite(values_THW)
    known = values_THW[known_THW]
    if known.size == 0:
        raise DataError("the truth holds no value at all; choose another file or variable")
    if frames >= LEAST_CLIMATOLOGY_FRAMES:
        mean_HW = np.nansum(values_THW, axis=0) / np.maximum(known_THW.sum(axis=0), 1)
        description = f"each cell's mean over the {frames} frames of the truth"
        if frames < ENOUGH_CLIMATOLOGY_FRAMES:
            wider = limits.rmse_over_climatology * _of_own_mean(values_THW, known_THW)
            limits = limits.model_copy(update={"rmse_over_climatology": wider})
    else:
        # A mean over a few frames is nearly the truth itself, which leaves no anomaly.
        mean_HW = np.full(values_THW.shape[1:], known.mean())
        description = (
            f"the mean of all cells of the truth, whose frames are too few for a mean of each cell "
            f"({frames}, and {LEAST_CLIMATOLOGY_FRAMES} are needed); the guards correlation and "
            "climatology are left out"
        )
    climatology = Climatology(
        mean_CHW=torch.from_numpy(mean_HW)[None],
        levels_L=torch.from_numpy(np.quantile(known, EVENT_SHARES)),
        value_range=float(known.max() - known.min()),
    )
    return climatology, description, limits


def _of_own_mean(values_THW: npt.NDArray[np.floating], known_THW: BoolArray) -> float:
    """Return by what the error of a mean of other frames is larger than that of their own mean.

    sqrt((m + 1) / (m - 1)) of m independent frames: the variance about the mean of the same frames
    is 1 - 1 / m of the whole, about that of others 1 + 1 / m.
    """
    frames = max(2.0, independent_samples(typical_cells(values_THW, known_THW)))
    return math.sqrt((frames + 1.0) / (frames - 1.0))


def typical_cells(values_THW: npt.NDArray[np.floating], known_THW: BoolArray) -> torch.Tensor:
    """Return about 500 cells [T, N], the mean of a cell where it is not known."""
    often_HW = known_THW.mean(axis=0) > MIN_SHARE_OF_CELLS
    values_TN, known_TN = values_THW[:, often_HW], known_THW[:, often_HW]
    values_TN = np.where(known_TN, values_TN, 0.0).astype(np.float64)
    mean_N = values_TN.sum(axis=0) / np.maximum(known_TN.sum(axis=0), 1)
    return thinned(torch.from_numpy(np.where(known_TN, values_TN, mean_N)))
