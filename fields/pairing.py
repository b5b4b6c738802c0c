"""Pairs the frames of a forecast file with those of a truth file: times, grid, units, known cells.

Shape legend: T frames, H rows, W columns.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.matching import same_coordinate
from fieldsharp.fields.derivatives import interior_mask
from fieldsharp.fields.reading import RawField
from fieldsharp.fields.series import period_text

MIN_SHARE_OF_CELLS = 0.5
"""Of the fullest frame; frames that know fewer cells are left out."""


@dataclass(frozen=True)
class FramePairs:
    """Frames of a forecast and of the truth at the same times, in physical units.

    Attributes:
        pred_THW: The forecast.
        target_THW: The truth.
        known_THW: Whether both have a value.
        frames: Indices of the paired frames in the truth.
        common: Number of frames that both files have.
        too_sparse: Number of common frames left out because they know too few cells.
        missing: Number of values in common frames that only the truth has.
        frames_missing: Number of frames with values in the truth that the forecast lacks.
    """

    pred_THW: npt.NDArray[np.floating]
    target_THW: npt.NDArray[np.floating]
    known_THW: npt.NDArray[np.bool_]
    frames: list[int]
    common: int
    too_sparse: int
    missing: int
    frames_missing: int


def pair_frames(forecast: Path, predicted: RawField, truth: Path, observed: RawField) -> FramePairs:
    """Return the frames of a forecast and of the truth at common times; errors name the files.

    Raises:
        DataError: If grids, units or times do not match, or no cell is known in both.
    """
    _require_same_grid(predicted, observed)
    _require_same_units(predicted, observed)
    in_forecast, in_truth = _common_frames(predicted, observed)
    pred_THW, target_THW = predicted.values_THW[in_forecast], observed.values_THW[in_truth]
    known_THW = np.isfinite(pred_THW) & np.isfinite(target_THW)
    cells_T = known_THW.sum(axis=(1, 2))
    if not np.isfinite(pred_THW).any():
        raise DataError(
            f"{forecast} holds no number in any of the {len(in_truth)} frames it has in common "
            f"with {truth}; check the program that wrote it"
        )
    if not cells_T.any():
        raise DataError(
            f"{forecast} and {truth} have no cell with a value in common in any of their "
            f"{len(in_truth)} common frames; compare files of the same area"
        )
    enough_T = cells_T >= max(1.0, MIN_SHARE_OF_CELLS * cells_T.max())
    whole_T = np.array([bool(interior_mask(torch.from_numpy(k)).any()) for k in known_THW])
    if (enough_T & whole_T).any():  # a frame without a complete 3 x 3 stencil has no gradient
        enough_T &= whole_T
    return FramePairs(
        pred_THW=pred_THW[enough_T],
        target_THW=target_THW[enough_T],
        known_THW=known_THW[enough_T],
        frames=[frame for frame, enough in zip(in_truth, enough_T, strict=True) if enough],
        common=len(in_truth),
        too_sparse=int((~enough_T).sum()),
        missing=int((np.isfinite(target_THW) & ~np.isfinite(pred_THW)).sum()),
        frames_missing=int(
            np.isfinite(np.delete(observed.values_THW, in_truth, axis=0)).any(axis=(1, 2)).sum()
        ),
    )


def pair_baseline(
    pairs: FramePairs, baseline: Path, reference: RawField, observed: RawField
) -> FramePairs:
    """Return the pairs with a baseline in place of the forecast, on the same frames and cells.

    Raises:
        DataError: If grids or units do not match, or frames or cells are missing.
    """
    _require_same_grid(reference, observed)
    _require_same_units(reference, observed)
    in_baseline, in_truth = _common_frames(reference, observed)
    baseline_frame = dict(zip(in_truth, in_baseline, strict=True))
    missing = [frame for frame in pairs.frames if frame not in baseline_frame]
    if missing:
        raise DataError(
            f"the baseline {baseline} lacks {len(missing)} of the {len(pairs.frames)} frames the "
            "forecast is compared on; give a baseline of the same times"
        )
    values_THW = reference.values_THW[[baseline_frame[frame] for frame in pairs.frames]]
    unknown = int((pairs.known_THW & ~np.isfinite(values_THW)).any(axis=0).sum())
    if unknown:
        raise DataError(
            f"the baseline {baseline} lacks values in {unknown} of the cells the forecast is "
            "compared on; give a baseline of the same cells"
        )
    return replace(pairs, pred_THW=values_THW)


def require_same_field(training: RawField, observed: RawField) -> None:
    """Check that the truth of training frames has the grid and units of the truth.

    Raises:
        DataError: If it does not.
    """
    _require_same_grid(training, observed, "training truth")
    _require_same_units(training, observed, "training truth")


def _require_same_grid(predicted: RawField, observed: RawField, what: str = "forecast") -> None:
    shapes = predicted.values_THW.shape[1:], observed.values_THW.shape[1:]
    if shapes[0] != shapes[1]:
        raise DataError(
            f"the {what} has a grid of {shapes[0][0]} x {shapes[0][1]} cells and the truth "
            f"{shapes[1][0]} x {shapes[1][1]}; bring them to one grid"
        )
    for axis in (1, 2):
        name, truth_name = predicted.dims[axis], observed.dims[axis]
        if name not in predicted.grid.coords or truth_name not in observed.grid.coords:
            continue
        a, b = predicted.grid.coords[name].values, observed.grid.coords[truth_name].values
        if not same_coordinate(a, b):
            raise DataError(
                f"{what} and truth differ in their coordinate {truth_name!r}: it runs from "
                f"{a[0]:g} to {a[-1]:g} and from {b[0]:g} to {b[-1]:g}; bring them to one grid"
            )


def _require_same_units(predicted: RawField, observed: RawField, what: str = "forecast") -> None:
    units, truth_units = predicted.array.attrs.get("units"), observed.array.attrs.get("units")
    if units and truth_units and units != truth_units:
        raise DataError(
            f"the {what} is in {units!r} and the truth in {truth_units!r}; convert one of them"
        )


def _common_frames(predicted: RawField, observed: RawField) -> tuple[list[int], list[int]]:
    """Return the indices of frames at common times, in the forecast and in the truth."""
    if not (predicted.has_time and observed.has_time):
        if len(predicted.time) != len(observed.time):
            raise DataError(
                f"the forecast has {len(predicted.time)} frames and the truth "
                f"{len(observed.time)}, and without times in both files they must be as many"
            )
        both = list(range(len(observed.time)))
        return both, both
    truth_frame = {time: frame for frame, time in enumerate(observed.time.tolist())}
    common = [
        (frame, truth_frame[time])
        for frame, time in enumerate(predicted.time.tolist())
        if time in truth_frame
    ]
    if not common:
        raise DataError(
            f"forecast and truth have no time in common: the forecast runs from "
            f"{period_text(predicted.time)}, the truth from {period_text(observed.time)}"
        )
    return [pair[0] for pair in common], [pair[1] for pair in common]
