"""NumPy files: the header is checked against file size and memory before values are read."""

import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import require_memory

NUMPY_DIMS = ("time", "channel", "y", "x")
MOST_MEMBERS = 10_000
"""Of an archive."""


def open_npy(path: Path) -> xr.Dataset:
    """Read an .npy file.

    Raises:
        DataError: If its array has no shape of a field, or takes more memory than there is.
        ValueError: If it is no .npy file, or shorter than its header says.
    """
    with path.open("rb") as file:
        _, size = _from_header(file, os.fstat(file.fileno()).st_size)
        require_memory(size, str(path))
        file.seek(0)
        return xr.Dataset({path.stem: _from_array(np.load(file, allow_pickle=False), path.stem)})


def open_npz(path: Path) -> xr.Dataset:
    """Read the arrays of an .npz file that have at least three dimensions.

    Raises:
        DataError: If there is none, they differ in shape, or take more memory than there is.
        ValueError: If a member is no array, or shorter than its header says.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise DataError(
                f"{path} holds more than {MOST_MEMBERS} arrays; keep one field per .npz file"
            )
        shapes, unpacked = {}, 0
        for member in members:
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as file:
                shapes[name], size = _from_header(file, member.file_size)
            unpacked += size if len(shapes[name]) >= 3 else 0
    require_memory(unpacked, str(path))
    fields = [name for name, shape in shapes.items() if len(shape) >= 3]
    if not fields:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(f"{path} holds no array of three dimensions (time, y, x), only {found}")
    with np.load(path, allow_pickle=False) as arrays:
        # Each array keeps dimensions of its own, since their lengths may differ between arrays.
        datasets = [xr.Dataset({name: _from_array(arrays[name], name)}) for name in fields]
    return datasets[0] if len(datasets) == 1 else _disjoint(datasets)


def _from_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], int]:
    """Return the shape and the bytes of an array according to its header.

    Args:
        file: At the start of an .npy file.
        size: Bytes of that file.

    Raises:
        ValueError: If it has no header, or is shorter than that says.
    """
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:  # for field names beyond Latin, which no array of numbers has
        raise ValueError(f"version {version} of the format holds no plain numbers")
    shape, _, dtype = read_header(file)
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or (not dtype.hasobject and file.tell() + promised > size):
        raise ValueError(f"a header of {promised} bytes of values in {size} bytes of file")
    return shape, promised


def _from_array(array: npt.NDArray[Any], name: str) -> xr.DataArray:
    if array.ndim not in (3, 4):
        raise DataError(
            f"array {name!r} has the shape {array.shape}; expected (time, y, x) or "
            "(time, channel, y, x)"
        )
    dims = NUMPY_DIMS if array.ndim == 4 else ("time", "y", "x")
    return xr.DataArray(array, dims=dims, name=name)


def _disjoint(datasets: list[xr.Dataset]) -> xr.Dataset:
    try:
        return xr.merge(datasets, compat="no_conflicts", join="exact")
    except ValueError as error:
        names = ", ".join(str(name) for dataset in datasets for name in dataset.data_vars)
        raise DataError(
            f"the arrays {names} differ in shape; keep one field per .npz file"
        ) from error
