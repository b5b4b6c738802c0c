"""Other data than a predictor was trained on: its units are converted, all else must be the same.

Shape legend: H rows, W columns.
"""

import json
import logging
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.coordinates.grid_matching import match_grids
from fieldsharp.fields.coordinates.grids import Grid
from fieldsharp.fields.coordinates.units import (
    InconvertibleUnitsError,
    UnitConversion,
    is_difference,
    unit_conversion,
)
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.static_fields import StaticField
from fieldsharp.fields.time_steps import same_step, step_text
from fieldsharp.fields.variables import Variables, grid_of, require_memory_to_copy
from fieldsharp.sweep.results.run_folder import TrainedRun

log = logging.getLogger(__name__)

IN_UNITS_OF_THE_FILE = ("actual_range", "valid_range", "valid_min", "valid_max")
"""Attributes that no longer hold after a conversion."""


def in_trained_units(variables: Variables, trained: TrainedRun) -> Variables:
    """Return all variables in the units the predictor was trained in, and log a conversion.

    Raises:
        ConfigError: If one cannot be converted.
    """
    units = {one.name: one.units for one in trained.inputs}
    settings = trained.run.data
    return Variables(
        predicted=tuple(
            _in_units(one, of)
            for one, of in zip(variables.predicted, trained.units_of_each, strict=True)
        ),
        others=tuple(
            _in_units(one, units[name])
            for name, one in zip(settings.other_inputs, variables.others, strict=True)
        ),
        static=tuple(
            _static_in_units(one, units[name])
            for name, one in zip(settings.static, variables.static, strict=True)
        ),
        known_ahead=tuple(
            _in_units(one, units[name])
            for name, one in zip(settings.known_ahead, variables.known_ahead, strict=True)
        ),
    )


def in_trained_cells(variables: Variables, trained: TrainedRun) -> Variables:
    """Return the predicted variables in the cells that the training knew, and log it.

    What a predictor says of other cells was never trained. All cells are taken where the run folder
    does not say which they were.
    """
    predicted = []
    masks = trained.masks_HW or [one.mask_HW for one in variables.predicted]
    for series, known_HW in zip(variables.predicted, masks, strict=True):
        new = int((series.mask_HW & ~known_HW).sum())
        if new:
            log.info(
                "%s has %d cells with values that had none in the training; they are left out",
                *(series.name, new),
            )
        mask_HW = series.mask_HW & known_HW
        if not mask_HW.any():
            raise ConfigError(
                f"{series.name} has no value in any of the {int(known_HW.sum())} cells that the "
                "predictor was trained on; give data of that area"
            )
        predicted.append(replace(series, mask_HW=mask_HW))
    return replace(variables, predicted=tuple(predicted))


def _conversion(of: FieldSeries | StaticField, units: str) -> UnitConversion | None:
    """Return the conversion into the units of the training, None where there is none to make."""
    if not (of.units and units):
        return None
    try:
        conversion = unit_conversion(of.units, units, is_difference(of.attrs))
    except InconvertibleUnitsError as error:
        raise ConfigError(
            f"{of.name} is in {of.units!r} and the predictor was trained in {units!r}, "
            f"and {error}; give data of that quantity, with units written as in CF"
        ) from error
    if conversion is not None:
        log.info("%s was converted %s, the units of the training", of.name, conversion)
    return conversion


def _static_in_units(static: StaticField, units: str) -> StaticField:
    conversion = _conversion(static, units)
    if conversion is None:
        return static
    return replace(static, values_HW=conversion(static.values_HW).astype(np.float32), units=units)


def _in_units(series: FieldSeries, units: str) -> FieldSeries:
    conversion = _conversion(series, units)
    if conversion is None:
        return series
    kept = {k: v for k, v in series.attrs.items() if k not in IN_UNITS_OF_THE_FILE}
    require_memory_to_copy(series)
    values_TCHW = conversion(series.values_TCHW).astype(np.float32)
    return replace(
        series,
        values_TCHW=np.where(series.mask_HW, values_TCHW, np.float32(0)),
        units=units,
        attrs={**kept, "units": units},
    )


def require_same_field(series: FieldSeries, trained: TrainedRun, path: str) -> None:
    """Check that data has the grid, the time step and the kind of time of the training.

    Raises:
        ConfigError: If it does not.
    """
    if len(series.time) == 1:
        raise ConfigError(
            "the data has a single frame, so the time of the frames that follow is not known; give "
            "at least two frames"
        )
    if series.is_dated != trained.is_dated:
        has, had = ("dates", "none") if series.is_dated else ("no dates", "some")
        raise ConfigError(
            f"the data has {has} and the predictor was trained on data with {had}; give data with "
            "the same kind of time"
        )
    if not same_step(series, trained.step_s):
        found_step = step_text(series) or f"{series.step_s:g} s"
        raise ConfigError(
            f"the data has {found_step} between frames and the predictor was trained on "
            f"{trained.step_s:g} s; give data at that step"
        )
    found = series.mask_HW.shape
    shape = trained.shape
    if found != (shape.height, shape.width):
        raise ConfigError(
            f"the data has a grid of {found[0]} x {found[1]} cells and the predictor was trained "
            f"on {shape.height} x {shape.width}; give data on that grid"
        )
    _require_same_cells(series, trained, path)


def _require_same_cells(series: FieldSeries, trained: TrainedRun, path: str) -> None:
    try:
        order = match_grids(grid_of(series), _trained_grid(series, trained), "data", "training")
    except DataError as error:
        raise ConfigError(f"{path} is not on the grid of the training: {error}") from error
    if order.is_same:
        return
    turned = [
        dim
        for dim, indices in zip(series.dims[1:], (order.rows_H, order.columns_W), strict=True)
        if len(indices) > 1 and np.array_equal(indices, np.arange(len(indices))[::-1])
    ]
    if order.is_transposed or not turned:
        raise ConfigError(
            f"{path} has the cells of the training in another order; sort it as the training data"
        )
    slices = ", ".join(f"{dim}=slice(None, None, -1)" for dim in turned)
    to = Path(path).with_name(f"{Path(path).stem}-turned.nc")
    code = (
        f"import xarray as xr; xr.open_dataset({json.dumps(path)}, decode_cf=False)"
        f".isel({slices}).to_netcdf({json.dumps(str(to))})"
    )
    if len(DataFiles.of(path).locations()) > 1:
        to = Path("turned") / "*.nc"
        code = (
            "import glob, pathlib, xarray as xr; pathlib.Path('turned').mkdir(); "
            f"[xr.open_dataset(f, decode_cf=False).isel({slices}, missing_dims='ignore')"
            ".to_netcdf(pathlib.Path('turned', pathlib.Path(f).stem + '.nc')) "
            f"for f in glob.glob({json.dumps(path)}, recursive=True)]"
        )
    raise ConfigError(
        f"{path} has the cells of the training in the other order along {' and '.join(turned)}; "
        f"turn it with  python -c {shlex.quote(code)}  and give --data {shlex.quote(str(to))}"
    )


def _trained_grid(series: FieldSeries, trained: TrainedRun) -> Grid:
    """Return the grid of the training, which a run folder keeps as names and values.

    Names that the data does not have are those of rows and columns, in this order.
    """
    shape = (trained.shape.height, trained.shape.width)
    _, y, x = series.dims
    along = [name for name, values in trained.coordinates.items() if np.ndim(values) == 1]
    if len(along) == 2:
        y, x = along
    elif len(along) == 1 and along[0] not in (y, x):
        return Grid(xr.Dataset(), y, x, shape)  # of rows or of columns, which is not known
    coords = {
        name: ((name,) if name in along else (y, x), np.asarray(values, dtype=np.float64))
        for name, values in trained.coordinates.items()
    }
    return Grid(xr.Dataset(coords=coords), y, x, shape)
