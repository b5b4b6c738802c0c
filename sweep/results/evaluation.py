"""Judging a forecast file against a truth file with every metric the sweep knows."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fields.axes import same_coordinate
from fields.errors import DataError
from fields.reading import RawField, open_dataset, pick_variable, read_raw
from fields.series import period_text
from fields.settings import DataSettings
from objectives.case import Case
from objectives.verification import Verification

LEAST_SHARE_OF_CELLS = 0.5


@dataclass(frozen=True)
class Evaluation:
    """How a forecast file compares with a truth file.

    Attributes:
        metrics: By name, physical units, over all frames both files have.
        variable: The field.
        units: Its units in the truth file.
        frames: Frames that were compared.
        frames_too_sparse: Frames left out because they know less than half the cells of the
            fullest: each frame weighs the same, so one with a few cells would drown the others.
        frames_without_truth: Frames of the forecast that the truth does not have.
        cells: Cells compared, most in any frame.
        cells_least: Cells compared, least in any frame.
    """

    metrics: dict[str, float]
    variable: str
    units: str
    frames: int
    frames_too_sparse: int
    frames_without_truth: int
    cells: int
    cells_least: int

    def as_json(self) -> dict[str, Any]:
        """Return one flat mapping of plain values."""
        # JSON has no word for not-a-number: a metric that is not defined is null.
        metrics = {k: v if math.isfinite(v) else None for k, v in self.metrics.items()}
        facts = {k: v for k, v in asdict(self).items() if k != "metrics"}
        return {**metrics, **facts}


def evaluate_files(
    forecast: Path,
    truth: Path,
    variable: str | None = None,
    truth_variable: str | None = None,
    select: Mapping[str, int | float | str] | None = None,
) -> Evaluation:
    """Compare two files at the times both have, in each frame on the cells both know in it.

    Args:
        forecast: NetCDF, Zarr, .npy or .npz.
        truth: The same, on the same grid.
        variable: Name in the forecast; None where it holds one.
        truth_variable: Name in the truth; None where it is the same, or the only one.
        select: One value for each dimension of the truth beyond time, y and x.

    Raises:
        DataError: If a file cannot be read, or grids, units or times do not match.
    """
    with open_dataset(forecast) as dataset:
        name = pick_variable(dataset, variable, str(forecast))
    predicted = read_raw(DataSettings(path=str(forecast), variable=name))
    with open_dataset(truth) as dataset:
        # A bare array is named after its file: a truth that holds one field needs no equal name.
        same = truth_variable or (name if name in dataset.data_vars else None)
    observed = read_raw(
        DataSettings(path=str(truth), variable=same, select=dict(select) if select else {})
    )
    _require_same_grid(predicted, observed)
    _require_same_units(predicted, observed)
    in_forecast, in_truth = _common_frames(predicted, observed)
    pred_THW, target_THW = predicted.values_THW[in_forecast], observed.values_THW[in_truth]
    known_THW = np.isfinite(pred_THW) & np.isfinite(target_THW)
    cells_T = known_THW.sum(axis=(1, 2))
    enough_T = cells_T >= max(1.0, LEAST_SHARE_OF_CELLS * cells_T.max())
    if not cells_T.any():
        raise DataError(
            f"{forecast} and {truth} know no cell in common in any of their {len(in_truth)} common "
            "frames; compare files of the same area"
        )
    return Evaluation(
        metrics=_verify_frames(pred_THW[enough_T], target_THW[enough_T], known_THW[enough_T]),
        variable=name,
        units=str(observed.array.attrs.get("units", "")),
        frames=int(enough_T.sum()),
        frames_too_sparse=int((~enough_T).sum()),
        frames_without_truth=len(predicted.time) - len(in_forecast),
        cells=int(cells_T.max()),
        cells_least=int(cells_T[enough_T].min()),
    )


def _verify_frames(
    pred_THW: npt.NDArray[np.float64],
    target_THW: npt.NDArray[np.float64],
    known_THW: npt.NDArray[np.bool_],
) -> dict[str, float]:
    """Return every metric over all frames; frames that know the same cells are taken together."""
    frames_by_mask: dict[bytes, list[int]] = {}
    for frame, known_HW in enumerate(known_THW):
        frames_by_mask.setdefault(known_HW.tobytes(), []).append(frame)
    verification = Verification(with_persistence=False)
    for frames in frames_by_mask.values():
        mask_HW = known_THW[frames[0]]
        verification.add(
            Case(
                pred_BTCHW=_as_samples(pred_THW[frames], mask_HW),
                target_BTCHW=_as_samples(target_THW[frames], mask_HW),
                persistence_BTCHW=None,
                mask_HW=torch.from_numpy(mask_HW),
            )
        )
    return verification.overall()


def _as_samples(
    values_THW: npt.NDArray[np.float64], mask_HW: npt.NDArray[np.bool_]
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
