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
from fieldsharp.fields.common_frames import common_frames
from fieldsharp.fields.coordinates.valid_times import OF_STARTS
from fieldsharp.fields.derivatives import interior_mask
from fieldsharp.fields.field_matching import match_field
from fieldsharp.fields.reading import RawField

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
        converted: A sentence if the forecast was converted into the units of the truth.
        by_position: A sentence for each axis whose cells were paired by position, because one file
            alone has a coordinate, and one if frames were paired by the time forecasts start from.
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
    converted: tuple[str, ...] = ()
    by_position: tuple[str, ...] = ()
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
    match = match_field(predicted, observed, "forecast", forecast, truth)
    in_forecast, in_truth = common_frames(predicted, observed)
    pred_THW = match(predicted.values_THW[in_forecast])
    target_THW = observed.values_THW[in_truth]
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
        converted=match.converted,
        by_position=(*match.order.by_position, *_of_same_start(predicted)),
        lead_T=None if predicted.lead_T is None else predicted.lead_T[in_forecast][enough_T],
        member_T=members_of(predicted, np.asarray(in_forecast)[enough_T].tolist()),
        start_T=_starts(predicted, np.asarray(in_forecast)[enough_T].tolist()),
    )


def _of_same_start(predicted: RawField) -> list[str]:
    """Return a sentence if only the times are known that forecasts start from, in both files."""
    if not OF_STARTS.items() <= predicted.time_attrs.items():
        return []
    return [
        "the dates of both files are those a forecast starts from, and frames of the same start "
        "were compared: no lead says what times they hold for"
    ]


def members_of(field: RawField, frames: list[int]) -> tuple[str, ...] | None:
    """Return the member of each of these frames; None where there are not several."""
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
