"""Pairs the frames of a forecast file with those of a truth file: times, grid, units, known cells.

Shape legend: T frames, H rows, W columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.frames import NUMBERED
from fieldsharp.fields.coordinates.matching import same_coordinate
from fieldsharp.fields.coordinates.numeric_time import comparable_times
from fieldsharp.fields.derivatives import interior_mask
from fieldsharp.fields.reading import RawField
from fieldsharp.fields.series import period_text

MIN_SHARE_OF_CELLS = 0.5
"""Of the fullest frame; frames that know fewer cells are left out."""


@dataclass(frozen=True)
class FramePairs:
    """Frames of a forecast and of the truth at the same times, in physical units.

    A frame of the truth is in as many pairs as the forecast has leads and members at its time.

    Attributes:
        pred_THW: The forecast.
        target_THW: The truth.
        known_THW: Whether both have a value.
        frames: Indices of the paired frames in the truth.
        common: Number of frames that both files have.
        too_sparse: Number of common frames left out because they know too few cells.
        missing: Number of values in common frames that only the truth has.
        frames_missing: Number of frames with values in the truth that the forecast lacks.
        lead_T: How far ahead each frame was forecast; None where the forecast does not say.
        member_T: Member of each frame; None where the forecast has not several.
        start_T: Reference time of each frame as text; None where the forecast does not say.
    """

    pred_THW: npt.NDArray[np.floating]
    target_THW: npt.NDArray[np.floating]
    known_THW: npt.NDArray[np.bool_]
    frames: list[int]
    common: int
    too_sparse: int
    missing: int
    frames_missing: int
    lead_T: npt.NDArray[np.timedelta64] | None = None
    member_T: tuple[str, ...] | None = None
    start_T: tuple[str, ...] | None = None

    def take(self, chosen: Sequence[int]) -> "FramePairs":
        """Return some of the pairs, by their indices."""
        which = np.asarray(chosen, dtype=np.int64)
        return replace(
            self,
            pred_THW=self.pred_THW[which],
            target_THW=self.target_THW[which],
            known_THW=self.known_THW[which],
            frames=[self.frames[index] for index in which],
            lead_T=None if self.lead_T is None else self.lead_T[which],
            member_T=None if self.member_T is None else tuple(self.member_T[i] for i in which),
            start_T=None if self.start_T is None else tuple(self.start_T[i] for i in which),
        )


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
        lead_T=None if predicted.lead_T is None else predicted.lead_T[in_forecast][enough_T],
        member_T=_members(predicted, np.asarray(in_forecast)[enough_T].tolist()),
        start_T=_starts(predicted, np.asarray(in_forecast)[enough_T].tolist()),
    )


def pair_baseline(
    pairs: FramePairs, baseline: Path, reference: RawField, observed: RawField
) -> FramePairs:
    """Return the pairs with a baseline in place of the forecast, on the same frames and cells.

    Frames are of the same valid time, lead and member; a baseline without members is compared with
    each member of the forecast.

    Raises:
        DataError: If grids or units do not match, or frames or cells are missing.
    """
    _require_same_grid(reference, observed)
    _require_same_units(reference, observed)
    in_baseline, in_truth = _common_frames(reference, observed)
    leads = None if reference.lead_T is None else reference.lead_T[in_baseline]
    members = _members(reference, in_baseline)
    by_lead = _compared_by_lead(baseline, pairs.lead_T, leads)
    if members is not None and pairs.member_T is None:
        raise DataError(
            f"the baseline {baseline} has several members and the forecast one; write the member "
            "of the baseline that it is compared with into a file of its own"
        )
    by_member = members is not None
    keys = _keys(in_truth, leads if by_lead else None, members)
    baseline_frame = dict(zip(keys, in_baseline, strict=True))
    wanted = _keys(
        pairs.frames, pairs.lead_T if by_lead else None, pairs.member_T if by_member else None
    )
    missing = [key for key in wanted if key not in baseline_frame]
    if missing:
        same = f"times{', leads' if by_lead else ''}{' and members' if by_member else ''}"
        raise DataError(
            f"the baseline {baseline} lacks {len(missing)} of the {len(pairs.frames)} frames the "
            f"forecast is compared on; give a baseline of the same {same}"
        )
    values_THW = reference.values_THW[[baseline_frame[key] for key in wanted]]
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


def _members(field: RawField, frames: list[int]) -> tuple[str, ...] | None:
    if field.member_T is None:
        return None
    return tuple(field.member_T[frame] for frame in frames)


def _starts(field: RawField, frames: list[int]) -> tuple[str, ...] | None:
    if field.lead_T is None:
        return None
    leads = field.lead_T[frames]
    if field.time.dtype == object:
        leads = leads.astype("timedelta64[us]").astype(object)  # as cftime subtracts them
    return tuple(str(start) for start in field.time[frames] - leads)


def _compared_by_lead(
    baseline: Path,
    ours: npt.NDArray[np.timedelta64] | None,
    theirs: npt.NDArray[np.timedelta64] | None,
) -> bool:
    """Return whether frames are compared by lead too.

    Raises:
        DataError: If only one of two forecasts says its leads, and has several.
    """
    if ours is not None and theirs is not None:
        return True
    for leads in (ours, theirs):
        if leads is not None and len(np.unique(leads)) > 1:
            raise DataError(
                f"only one of the forecast and the baseline {baseline} says how far ahead its "
                "frames are; give both a coordinate of leads"
            )
    return False


def _keys(
    frames: list[int], lead_T: npt.NDArray[np.timedelta64] | None, member_T: tuple[str, ...] | None
) -> list[tuple[int, int, str]]:
    leads = [0] * len(frames) if lead_T is None else lead_T.astype(np.int64).tolist()
    return list(zip(frames, leads, member_T or [""] * len(frames), strict=True))


def _common_frames(predicted: RawField, observed: RawField) -> tuple[list[int], list[int]]:
    """Return the indices of frames at common times, in the forecast and in the truth."""
    # A forecast of frames without times says which frames of its source they follow.
    numbered = predicted.has_time and predicted.time_attrs.get("long_name") == NUMBERED["long_name"]
    if not (predicted.has_time and observed.has_time) and not (numbered and not observed.has_time):
        frames = len(np.unique(predicted.time)) if predicted.member_T else len(predicted.time)
        if frames != len(observed.time):
            raise DataError(
                f"the forecast has {frames} frames and the truth "
                f"{len(observed.time)}, and without times in both files they must be as many"
            )
        _, in_truth = np.unique(predicted.time, return_inverse=True)
        return list(range(len(predicted.time))), in_truth.tolist()
    ours, theirs = comparable_times(
        predicted.time, predicted.time_attrs, observed.time, observed.time_attrs
    )
    truth_frame = {time: frame for frame, time in enumerate(theirs.tolist())}
    common = [
        (frame, truth_frame[time])
        for frame, time in enumerate(ours.tolist())
        if time in truth_frame
    ]
    if not common:
        raise DataError(
            f"forecast and truth have no time in common: the forecast runs from "
            f"{period_text(predicted.time)}, the truth from {period_text(observed.time)}"
        )
    return [pair[0] for pair in common], [pair[1] for pair in common]
