"""Judging a forecast file against a truth file with every metric the sweep knows."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use
from fieldsharp.fields.axes import same_coordinate
from fieldsharp.fields.climatology import EVENT_SHARES, Climatology
from fieldsharp.fields.derivatives import interior_mask
from fieldsharp.fields.reading import RAW, RawField, open_dataset, pick_variable, read_raw
from fieldsharp.fields.series import period_text
from fieldsharp.fields.settings import DataSettings
from fieldsharp.objectives.guards import GuardOutcome, check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch

LEAST_SHARE_OF_CELLS = 0.5
LEAST_FRAMES_OF_A_CLIMATOLOGY = 100
FRAMES_AT_A_TIME = 64
COMPARED = Use(bytes_a_value=72)
"""Of the truth, beside a forecast that was read: the common frames of both, and what is usual."""
BASELINE = Use(bytes_a_value=24)
"""Of the baseline, beside both: itself and the frames that are compared."""
APART = ("metrics", "guards", "judgement", "values_missing", "frames_missing")
"""What is not said among the facts of a comparison, but in its own way or to programs alone."""


@dataclass(frozen=True)
class Evaluation:
    """How a forecast file compares with a truth file.

    Attributes:
        metrics: By name, physical units, over all frames both files have.
        guards: What came of each guard that could be taken.
        climatology: What departures are measured from: each cell's mean over the truth file, or
            where that is short the mean of all cells.
        variable: The field.
        units: Its units in the truth file.
        frames: Frames that were compared.
        frames_too_sparse: Frames left out because they know less than half the cells of the
            fullest, or no cell with all its neighbours: each frame weighs the same, so one with a
            few cells would drown the others.
        frames_without_truth: Frames of the forecast that the truth does not have.
        cells: Cells compared, most in any frame.
        cells_least: Cells compared, least in any frame.
        judgement: The metrics as guards and scores take them.
        values_missing: Values the truth has and the forecast has not, in frames both have.
        frames_missing: Frames of which the truth knows something and the forecast has none.
    """

    metrics: dict[str, float]
    guards: list[GuardOutcome]
    climatology: str
    variable: str
    units: str
    frames: int
    frames_too_sparse: int
    frames_without_truth: int
    cells: int
    cells_least: int
    judgement: MetricValues
    values_missing: int
    frames_missing: int

    def as_json(self) -> dict[str, Any]:
        """Return one flat mapping of plain values."""
        # JSON has no word for not-a-number: a metric that is not defined is null.
        metrics = {k: v if math.isfinite(v) else None for k, v in self.metrics.items()}
        facts = {k: v for k, v in asdict(self).items() if k not in APART}
        guards = {guard.name: guard.as_json() for guard in self.guards}
        return {**metrics, **facts, "guards": guards}


def evaluate_files(
    forecast: Path,
    truth: Path,
    variable: str | None = None,
    truth_variable: str | None = None,
    select: Mapping[str, int | float | str] | None = None,
    baseline: Path | None = None,
    limits: GuardSettings | None = None,
) -> Evaluation:
    """Compare two files at the times both have, in each frame on the cells both know in it.

    Args:
        forecast: NetCDF, Zarr, .npy or .npz.
        truth: The same, on the same grid.
        variable: Name in the forecast; None where it holds one.
        truth_variable: Name in the truth; None where it is the same, or the only one.
        select: One value for each dimension of the truth beyond time, y and x.
        baseline: Forecast of the same predictor trained with weight 0, for the guards that are
            relative to it.
        limits: Of the guards.

    Raises:
        DataError: If a file cannot be read, or grids, units or times do not match.
    """
    name, predicted = _read_forecast(forecast, variable)
    with open_dataset(truth) as dataset:
        # A bare array is named after its file: a truth that holds one field needs no equal name.
        same = truth_variable or (name if name in dataset.data_vars else None)
    observed = read_raw(
        DataSettings(path=str(truth), variable=same, select=dict(select) if select else {}),
        COMPARED,
    )
    usual, description = _climatology(observed)
    pairs = _pair_up(forecast, predicted, truth, observed)
    judgement = _judge(pairs, usual)
    of_baseline = None
    if baseline is not None:
        _, reference = _read_forecast(baseline, variable, BASELINE)
        of_baseline = _judge(_beside(pairs, baseline, reference, observed), usual)
    cells_T = pairs.known_THW.sum(axis=(1, 2))
    return Evaluation(
        metrics=judgement.overall,
        guards=check_guards(judgement, limits or GuardSettings(), of_baseline),
        climatology=description,
        variable=name,
        units=str(observed.array.attrs.get("units", "")),
        frames=len(cells_T),
        frames_too_sparse=pairs.too_sparse,
        frames_without_truth=len(predicted.time) - pairs.common,
        cells=int(cells_T.max()),
        cells_least=int(cells_T.min()),
        judgement=judgement,
        values_missing=pairs.missing,
        frames_missing=pairs.frames_missing,
    )


@dataclass(frozen=True)
class _Pairs:
    """Frames of a forecast beside the truth at the same time.

    Attributes:
        pred_THW: The forecast.
        target_THW: The truth.
        known_THW: Cells both know.
        frames: Frames of the truth that are compared.
        common: Frames both files have.
        too_sparse: Those of them that are left out.
        missing: Values of the common frames that the truth alone has.
        frames_missing: Frames of the truth that are not empty, and not in the forecast.
    """

    pred_THW: npt.NDArray[np.floating]
    target_THW: npt.NDArray[np.floating]
    known_THW: npt.NDArray[np.bool_]
    frames: list[int]
    common: int
    too_sparse: int
    missing: int
    frames_missing: int


def _read_forecast(path: Path, variable: str | None, use: Use = RAW) -> tuple[str, RawField]:
    with open_dataset(path) as dataset:
        name = pick_variable(dataset, variable, str(path))
    return name, read_raw(DataSettings(path=str(path), variable=name), use)


def _pair_up(forecast: Path, predicted: RawField, truth: Path, observed: RawField) -> _Pairs:
    """Return the frames to compare.

    Args:
        forecast: Where the forecast is from, for errors.
        predicted: The forecast.
        truth: Where the truth is from, for errors.
        observed: The truth.

    Raises:
        DataError: If they do not match.
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
            f"with {truth}; look at what wrote it"
        )
    if not cells_T.any():
        raise DataError(
            f"{forecast} and {truth} know no cell in common in any of their {len(in_truth)} common "
            "frames; compare files of the same area"
        )
    enough_T = cells_T >= max(1.0, LEAST_SHARE_OF_CELLS * cells_T.max())
    whole_T = np.array([bool(interior_mask(torch.from_numpy(k)).any()) for k in known_THW])
    if (enough_T & whole_T).any():  # a frame without any 3 x 3 stencil has no gradient to judge
        enough_T &= whole_T
    return _Pairs(
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


def _beside(pairs: _Pairs, baseline: Path, reference: RawField, observed: RawField) -> _Pairs:
    """Return the baseline on the frames and cells the forecast is compared on.

    Raises:
        DataError: If it does not match, or lacks any of them.
    """
    _require_same_grid(reference, observed)
    _require_same_units(reference, observed)
    in_baseline, in_truth = _common_frames(reference, observed)
    of_truth = dict(zip(in_truth, in_baseline, strict=True))
    missing = [frame for frame in pairs.frames if frame not in of_truth]
    if missing:
        raise DataError(
            f"the baseline {baseline} lacks {len(missing)} of the {len(pairs.frames)} frames the "
            "forecast is compared on; give a baseline of the same times"
        )
    values_THW = reference.values_THW[[of_truth[frame] for frame in pairs.frames]]
    unknown = int((pairs.known_THW & ~np.isfinite(values_THW)).any(axis=0).sum())
    if unknown:
        raise DataError(
            f"the baseline {baseline} lacks values in {unknown} of the cells the forecast is "
            "compared on; give a baseline of the same cells"
        )
    return replace(pairs, pred_THW=values_THW)


def _climatology(observed: RawField) -> tuple[Climatology, str]:
    """Return what is usual in the truth file, and what that is in words."""
    values_THW = observed.values_THW
    frames = len(values_THW)
    known = values_THW[np.isfinite(values_THW)]
    if known.size == 0:
        raise DataError("the truth holds no value at all; choose another file or variable")
    if frames >= LEAST_FRAMES_OF_A_CLIMATOLOGY:
        count_HW = np.isfinite(values_THW).sum(axis=0)
        mean_HW = np.nansum(values_THW, axis=0) / np.maximum(count_HW, 1)
        words = f"each cell's mean over the {frames} frames of the truth"
    else:
        # A mean over a few frames is nearly the truth itself, and leaves no departure from it.
        mean_HW = np.full(values_THW.shape[1:], known.mean())
        words = f"the mean of all cells of the truth, whose {frames} frames are few for more"
    usual = Climatology(
        mean_CHW=torch.from_numpy(mean_HW)[None],
        levels_L=torch.from_numpy(np.quantile(known, EVENT_SHARES)),
        value_range=float(known.max() - known.min()),
    )
    return usual, words


def _judge(pairs: _Pairs, usual: Climatology) -> MetricValues:
    """Take every metric over all frames; frames that know the same cells are taken together."""
    frames_by_mask: dict[bytes, list[int]] = {}
    for frame, known_HW in enumerate(pairs.known_THW):
        frames_by_mask.setdefault(known_HW.tobytes(), []).append(frame)
    verification = Verification(with_persistence=False)
    for frames in frames_by_mask.values():
        mask_HW = pairs.known_THW[frames[0]]
        for first in range(0, len(frames), FRAMES_AT_A_TIME):
            chunk = frames[first : first + FRAMES_AT_A_TIME]
            verification.add(
                VerificationBatch(
                    pred_BTCHW=_as_samples(pairs.pred_THW[chunk], mask_HW),
                    target_BTCHW=_as_samples(pairs.target_THW[chunk], mask_HW),
                    persistence_BTCHW=None,
                    mask_HW=torch.from_numpy(mask_HW),
                    climatology=usual,
                )
            )
    return verification.metric_values()


def _as_samples(
    values_THW: npt.NDArray[np.floating], mask_HW: npt.NDArray[np.bool_]
) -> torch.Tensor:
    """Return each frame as a sample of one lead and one channel, masked cells 0."""
    return torch.from_numpy(np.where(mask_HW, values_THW, 0.0))[:, None, None]


def _require_same_grid(predicted: RawField, observed: RawField) -> None:
    shapes = predicted.values_THW.shape[1:], observed.values_THW.shape[1:]
    if shapes[0] != shapes[1]:
        raise DataError(
            f"the forecast has a grid of {shapes[0][0]} x {shapes[0][1]} cells and the truth "
            f"{shapes[1][0]} x {shapes[1][1]}; bring them to one grid"
        )
    for axis in (1, 2):
        ours, theirs = predicted.dims[axis], observed.dims[axis]
        if ours not in predicted.grid.coords or theirs not in observed.grid.coords:
            continue
        a, b = predicted.grid.coords[ours].values, observed.grid.coords[theirs].values
        if not same_coordinate(a, b):
            raise DataError(
                f"forecast and truth differ in their coordinate {theirs!r}: it runs from {a[0]:g} "
                f"to {a[-1]:g} and from {b[0]:g} to {b[-1]:g}; bring them to one grid"
            )


def _require_same_units(predicted: RawField, observed: RawField) -> None:
    ours, theirs = predicted.array.attrs.get("units"), observed.array.attrs.get("units")
    if ours and theirs and ours != theirs:
        raise DataError(
            f"the forecast is in {ours!r} and the truth in {theirs!r}; convert one of them"
        )


def _common_frames(predicted: RawField, observed: RawField) -> tuple[list[int], list[int]]:
    if not (predicted.has_time and observed.has_time):
        if len(predicted.time) != len(observed.time):
            raise DataError(
                f"the forecast has {len(predicted.time)} frames and the truth "
                f"{len(observed.time)}, and without times in both files they must be as many"
            )
        both = list(range(len(observed.time)))
        return both, both
    where = {time: frame for frame, time in enumerate(observed.time.tolist())}
    common = [
        (frame, where[time]) for frame, time in enumerate(predicted.time.tolist()) if time in where
    ]
    if not common:
        raise DataError(
            f"forecast and truth have no time in common: the forecast runs from "
            f"{period_text(predicted.time)}, the truth from {period_text(observed.time)}"
        )
    return [pair[0] for pair in common], [pair[1] for pair in common]
