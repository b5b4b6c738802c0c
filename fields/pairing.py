"""Pairs the frames of a forecast file with those of a truth file: times, grid, units, known cells.

Shape legend: T frames, H rows, W columns.
"""

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.fields.common_frames import common_frames
from fieldsharp.fields.coordinates.grid_matching import CellOrder, match_grids, part_of
from fieldsharp.fields.coordinates.grids import Grid
from fieldsharp.fields.coordinates.units import (
    InconvertibleUnitsError,
    UnitConversion,
    is_difference,
    unit_conversion,
)
from fieldsharp.fields.derivatives import interior_mask
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
            alone has a coordinate.
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


def pair_frames(forecast: Path, predicted: RawField, truth: Path, observed: RawField) -> FramePairs:
    """Return the frames of a forecast and of the truth at common times; errors name the files.

    Raises:
        DataError: If grids, units or times do not match, or no cell is known in both.
    """
    match = _match(predicted, observed, "forecast", forecast, truth)
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
        by_position=match.order.by_position,
    )


def pair_baseline(
    pairs: FramePairs, baseline: Path, reference: RawField, observed: RawField
) -> FramePairs:
    """Return the pairs with a baseline in place of the forecast, on the same frames and cells.

    Raises:
        DataError: If grids or units do not match, or frames or cells are missing.
    """
    match = _match(reference, observed, "baseline", baseline)
    in_baseline, in_truth = common_frames(reference, observed, "baseline")
    baseline_frame = dict(zip(in_truth, in_baseline, strict=True))
    missing = [frame for frame in pairs.frames if frame not in baseline_frame]
    if missing:
        raise DataError(
            f"the baseline {baseline} lacks {len(missing)} of the {len(pairs.frames)} frames the "
            "forecast is compared on; give a baseline of the same times"
        )
    values_THW = match(reference.values_THW[[baseline_frame[frame] for frame in pairs.frames]])
    unknown = int((pairs.known_THW & ~np.isfinite(values_THW)).any(axis=0).sum())
    if unknown:
        raise DataError(
            f"the baseline {baseline} lacks values in {unknown} of the cells the forecast is "
            "compared on; give a baseline of the same cells"
        )
    return replace(
        pairs,
        pred_THW=values_THW,
        converted=pairs.converted + match.converted,
        by_position=pairs.by_position + match.order.by_position,
    )


def in_grid_and_units(
    training: RawField, path: Path, observed: RawField
) -> tuple[RawField, tuple[str, ...]]:
    """Return the truth of training frames with the cells and units of the truth.

    Args:
        training: The truth of training frames.
        path: Its file, for errors.
        observed: The truth.

    Returns:
        The field, and a sentence if it was converted.

    Raises:
        DataError: If grids or units do not match.
    """
    match = _match(training, observed, "training truth", path)
    units = {"units": observed.array.attrs["units"]} if match.conversion else {}
    field = replace(
        training, values_THW=match(training.values_THW), array=training.array.assign_attrs(units)
    )
    if observed.grid.coords or match.order.is_transposed:
        field = replace(field, dims=(training.dims[0], *observed.dims[1:]), grid=observed.grid)
    return field, match.converted


@dataclass(frozen=True)
class _Match:
    """Takes values of a field in the cells and units of another."""

    order: CellOrder
    conversion: UnitConversion | None
    converted: tuple[str, ...]

    def __call__(self, values_THW: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        values_THW = self.order(values_THW)
        return values_THW if self.conversion is None else self.conversion(values_THW)


def _match(
    field: RawField, observed: RawField, what: str, path: Path, truth: Path | None = None
) -> _Match:
    ours, theirs = _grid(field), _grid(observed)
    if ours.shape != theirs.shape:
        _advise_part(ours, theirs, what, path, truth)
    order = match_grids(ours, theirs, what)
    conversion = _conversion(field, observed, what)
    said = (f"the {what} was converted {conversion}",) if conversion else ()
    return _Match(order, conversion, said)


def _grid(field: RawField) -> Grid:
    _, y, x = field.dims
    rows, columns = field.values_THW.shape[1:]
    return Grid(field.grid, y, x, (rows, columns))


def _advise_part(ours: Grid, theirs: Grid, what: str, path: Path, truth: Path | None) -> None:
    """Refuse a field whose grid is a part of the other's with the command that cuts the other."""
    cut = {"truth": part_of(ours, theirs) if truth else None, what: part_of(theirs, ours)}
    for name, part in cut.items():
        if part is None:
            continue
        whole, other = (truth, what) if name == "truth" else (path, "truth")
        assert whole is not None
        slices = ", ".join(f"{dim}=slice({s.start}, {s.stop})" for dim, s in part.items())
        to = whole.with_name(f"{whole.stem}-part.nc")
        code = (
            f"import xarray as xr; xr.open_dataset({json.dumps(str(whole))}, decode_cf=False)"
            f".isel({slices}).to_netcdf({json.dumps(str(to))})"
        )
        raise DataError(
            f"the {what} has a grid of {ours.shape[0]} x {ours.shape[1]} cells and the truth "
            f"{theirs.shape[0]} x {theirs.shape[1]}, of which that of the {other} is a part; cut "
            f"the {name} with  python -c {shlex.quote(code)}  and give {to}"
        )


def _conversion(field: RawField, observed: RawField, what: str) -> UnitConversion | None:
    ours, theirs = (str(f.array.attrs.get("units") or "") for f in (field, observed))
    if not (ours and theirs):
        return None
    difference = any(is_difference(f.array.attrs) for f in (field, observed))
    try:
        return unit_conversion(ours, theirs, difference)
    except InconvertibleUnitsError as error:
        raise DataError(
            f"the {what} is in {ours!r} and the truth in {theirs!r}, and {error}; compare files of "
            "one quantity, with units written as in CF"
        ) from error
