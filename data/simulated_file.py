"""What the simulators share: the dataset of a simulated field, its file and the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from fieldsharp.core.partial_file import USUAL_MODE, make_empty, partial_path

_START = np.datetime64("2020-01-01T00:00:00", "ns")


def gridded(
    name: str,
    values_TYX: NDArray[np.float32],
    minutes: int,
    variable: Mapping[str, str],
    attributes: Mapping[str, object],
) -> xr.Dataset:
    """Return a field on a grid of cells as a dataset with CF metadata.

    Args:
        name: Of the variable.
        values_TYX: The field, NaN where missing.
        minutes: Between frames; the first is of 2020-01-01 00:00.
        variable: Attributes of the variable, such as long_name and units.
        attributes: Attributes of the dataset.
    """
    frames, height, width = values_TYX.shape
    time = _START + np.arange(frames) * np.timedelta64(minutes, "m")
    axis = {axis: {"long_name": f"cell number along {axis}", "units": "1"} for axis in ("y", "x")}
    return xr.Dataset(
        {name: (("time", "y", "x"), values_TYX, dict(variable))},
        coords={
            "time": ("time", time, {"standard_name": "time", "axis": "T"}),
            "y": ("y", np.arange(height, dtype=np.int32), {**axis["y"], "axis": "Y"}),
            "x": ("x", np.arange(width, dtype=np.int32), {**axis["x"], "axis": "X"}),
        },
        attrs={"Conventions": "CF-1.8", **attributes},
    )


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write the dataset to netCDF under another name, then rename: no half-written file."""
    partial = partial_path(path)
    times = dataset["time"].to_numpy()
    is_hourly = not np.any((times - times[0]) % np.timedelta64(1, "h"))
    first = np.datetime_as_string(times[0], unit="D")
    encoding: dict[str, dict[str, object]] = {
        **{str(name): {"zlib": True, "complevel": 4} for name in dataset.data_vars},
        "time": {"units": f"{'hours' if is_hourly else 'minutes'} since {first}", "dtype": "int64"},
    }
    try:
        make_empty(partial, USUAL_MODE)
        dataset.to_netcdf(partial, engine="h5netcdf", encoding=encoding)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def run_command(
    program: str,
    description: str,
    settings: Callable[..., Any],
    simulate: Callable[[Any], xr.Dataset],
    argv: Sequence[str] | None,
    write_folder: Callable[[xr.Dataset, Path], object] | None = None,
) -> int:
    """Run a simulator's command line; wrong use exits with 2.

    Args:
        program: The module, such as ``data.plumes``.
        description: What it does, in a sentence.
        settings: Class of the parameters, with the defaults of ``frames``, ``seed`` and ``size``.
        simulate: Makes the dataset of the parameters.
        argv: Arguments; None for those of the process.
        write_folder: Writes the dataset into a folder, which it makes; None to write one file.

    Returns:
        The exit code: 0 done, 1 failed.
    """
    output = "netCDF file to write" if write_folder is None else "folder to write into"
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("-o", "--output", type=Path, required=True, help=output)
    words = {"frames": "frames in time", "seed": "0 or more", "size": "cells along a side"}
    for name, help_ in words.items():
        parser.add_argument(f"--{name}", type=int, default=getattr(settings, name), help=help_)
    args = parser.parse_args(argv)
    try:
        chosen = settings(**{name: getattr(args, name) for name in words})
    except ValueError as error:
        parser.error(str(error))
    if write_folder is None and not args.output.parent.is_dir():
        parser.error(f"the folder {args.output.parent} of the output is missing: create it first.")
    try:
        (write_folder or write)(simulate(chosen), args.output)
    except OSError as error:
        print(f"cannot write {args.output} ({error}): choose another place.", file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"{error}: ask for fewer --frames or a smaller --size.", file=sys.stderr)
        return 1
    return 0
