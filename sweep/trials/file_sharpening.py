"""Fits sharpeners on a pair of files, and builds them for frames with any known cells.

Shape legend: B frame, T lead (one), C channel (one), H rows, W columns. Physical units, double
precision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError, TrainingFailed
from fieldsharp.fields.array_axes import FieldPair
from fieldsharp.fields.common_frames import frames_in_both
from fieldsharp.fields.coordinates.calendars import kind_of_time
from fieldsharp.fields.field_matching import in_grid_and_units
from fieldsharp.fields.pairing import FramePairs, pair_frames
from fieldsharp.fields.reading import RawField
from fieldsharp.model.registry import SHARPENERS
from fieldsharp.model.sharpeners.fitted import (
    FEWEST_FRAMES,
    FittedSharpener,
    fit_sharpener,
    make_sharpener,
)
from fieldsharp.model.sharpeners.interface import Parameters, Region
from fieldsharp.sweep.trials.sharpening import LEAST_WINDOWS, SharpeningPlan

LEAST_SHARE_OF_CELLS = 0.5
"""Of the fullest training frame, that all of them must know."""
MOST_VALUES = 8_000_000
"""On which sharpeners are fitted (64 MB, several of which are in memory at a time); of larger files
frames are taken that are spread evenly."""


@dataclass(frozen=True)
class TrainingFiles:
    """A forecast of training frames and what was observed, on which sharpeners are fitted.

    Attributes:
        forecast: NetCDF, Zarr, .npy or .npz; its variable is named as in the forecast evaluated.
        truth: The same, on the same grid; its variable is named as in the truth.
        plan: Which sharpeners are fitted; by default all that are registered.
        fields: Both, where they are read already, from arrays with axes.
    """

    forecast: Path
    truth: Path
    plan: SharpeningPlan = field(default=SharpeningPlan(tuple(SHARPENERS)))
    fields: FieldPair | None = None


@dataclass(frozen=True)
class FileSharpeners:
    """Sharpeners that were fitted on a pair of files, as one lead.

    Attributes:
        parameters: By name of the sharpener.
        not_fitted: Why others could not be fitted, by name.
        fitted_on: Number of evaluated frames that they were fitted on.
        climatology_HW: Each cell's mean over the frames of the truth of the training frames that
            are not evaluated (all of them where ``fitted_on`` is not 0), NaN where it has none.
        converted: A sentence for each training file that was converted into other units.
    """

    parameters: Mapping[str, Parameters]
    not_fitted: Mapping[str, str]
    fitted_on: int
    climatology_HW: npt.NDArray[np.floating]
    converted: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        files: TrainingFiles,
        predicted: RawField,
        observed: RawField,
        evaluated: RawField,
        pairs: FramePairs,
    ) -> "FileSharpeners":
        """Fit sharpeners on the cells that every paired training frame knows.

        Args:
            files: Where the training frames are from, for errors.
            predicted: Forecasts of training frames.
            observed: Their truth.
            evaluated: The truth of the frames that sharpeners will be applied to.
            pairs: Those frames.

        Raises:
            DataError: If the files cannot be paired, have too few frames or cells in common, or are
                not of the field that is evaluated.
            TrainingFailed: If a sharpener cannot be fitted that must be.
        """
        observed, converted = in_grid_and_units(observed, files.truth, evaluated)
        try:
            training = pair_frames(files.forecast, predicted, files.truth, observed)
        except DataError as error:
            raise DataError(f"no sharpener can be fitted on {files.forecast}: {error}") from error
        converted += tuple(f"to fit sharpeners, {said}" for said in training.converted)
        training = _evenly_spread(training)
        mask_HW = _cells_known_throughout(files, training)
        again = _frames_at(observed, evaluated, pairs.frames)
        fitted_on = len({*again} & {*training.frames})
        rest_THW = np.delete(observed.values_THW, [] if fitted_on else again, axis=0)
        climatology_HW = _means(rest_THW)
        _require_climatology(files, climatology_HW, pairs)
        region = _region(mask_HW, climatology_HW)
        pred, target = (as_samples(v, mask_HW) for v in (training.pred_THW, training.target_THW))
        parameters, not_fitted = {}, {}
        for name in files.plan.names:
            try:
                parameters[name] = fit_sharpener(name, region, pred, target).parameters
            except TrainingFailed as error:
                if files.plan.must_fit:
                    raise
                not_fitted[name] = str(error).partition("; ")[0]
        return cls(parameters, not_fitted, fitted_on, climatology_HW, converted)

    def on(self, mask_HW: npt.NDArray[np.bool_]) -> dict[str, FittedSharpener]:
        """Return the sharpeners for frames in which these cells are known.

        What was fitted are factors of amplitude, scale or rank, of no single cell.
        """
        region = _region(mask_HW, self.climatology_HW)
        return {
            name: FittedSharpener(name, make_sharpener(name, region), parameters, region.mask_HW)
            for name, parameters in self.parameters.items()
        }


def as_samples(
    values_THW: npt.NDArray[np.floating], mask_HW: npt.NDArray[np.bool_]
) -> torch.Tensor:
    """Return each frame as a sample of one lead and one channel, with masked cells 0."""
    return torch.from_numpy(np.where(mask_HW, values_THW, 0.0))[:, None, None]


def _region(mask_HW: npt.NDArray[np.bool_], climatology_HW: npt.NDArray[np.floating]) -> Region:
    climatology_CHW = torch.from_numpy(np.where(mask_HW, climatology_HW, 0.0))[None]
    return Region(torch.from_numpy(mask_HW), climatology_CHW)


def _frames_at(training: RawField, evaluated: RawField, frames: Sequence[int]) -> list[int]:
    """Return which training frames have the time of one of these evaluated frames."""
    if not (training.has_time and evaluated.has_time):
        return []
    if kind_of_time(training.time) != kind_of_time(evaluated.time):
        return []
    in_both = frames_in_both(training, evaluated, "training truth")
    training_frame = {frame: again for again, frame in zip(*in_both, strict=True)}
    return [training_frame[frame] for frame in frames if frame in training_frame]


def _require_climatology(
    files: TrainingFiles, climatology_HW: npt.NDArray[np.floating], pairs: FramePairs
) -> None:
    """Check that every cell that is evaluated has a mean."""
    known_HW = pairs.known_THW.any(axis=0)
    unknown = int((known_HW & ~np.isfinite(climatology_HW)).sum())
    if unknown:
        raise DataError(
            f"{files.truth} has no training value in {unknown} of the {int(known_HW.sum())} cells "
            "that are evaluated, so that they have no mean to sharpen about; give training files "
            "of the same cells"
        )


def _means(values_THW: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return each cell's mean over the frames that know it, NaN where none does."""
    count_HW = np.isfinite(values_THW).sum(axis=0)
    sum_HW = np.nansum(values_THW, axis=0)
    return np.where(count_HW > 0, sum_HW / np.maximum(count_HW, 1), np.nan)


def _evenly_spread(pairs: FramePairs) -> FramePairs:
    """Return the pairs, or as many of them as sharpeners are fitted on."""
    count, cells = len(pairs.frames), pairs.pred_THW[0].size
    most = max(LEAST_WINDOWS, MOST_VALUES // cells)
    if count <= most:
        return pairs
    chosen = np.linspace(0, count - 1, most).round().astype(np.int64)
    return pairs.take(chosen.tolist())


def _cells_known_throughout(files: TrainingFiles, pairs: FramePairs) -> npt.NDArray[np.bool_]:
    """Return the cells that every frame knows.

    Raises:
        DataError: If the frames, or those cells, are too few.
    """
    both = f"{files.forecast} and {files.truth}"
    frames = len(pairs.frames)
    if frames < FEWEST_FRAMES:
        raise DataError(
            f"{both} have {frames} frame{'' if frames == 1 else 's'} to fit sharpeners on, and at "
            f"least {FEWEST_FRAMES} are needed; give a forecast of more training frames"
        )
    mask_HW: npt.NDArray[np.bool_] = np.logical_and.reduce(pairs.known_THW, axis=0)
    cells, most = int(mask_HW.sum()), int(pairs.known_THW.sum(axis=(1, 2)).max())
    if cells < LEAST_SHARE_OF_CELLS * most:
        raise DataError(
            f"only {cells} cells are known in all {frames} frames of {both}, and up to {most} in "
            "one, which is too few to fit sharpeners on; fill their gaps, or leave out the frames "
            "that have most of them"
        )
    return mask_HW
