"""NumPy files: the header is checked against file size and memory before values are read."""

import math
import os
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import require_memory
from fieldsharp.fields.files.contents import Contents, several
from fieldsharp.fields.files.positional import AXIS_OF, named_dims

MOST_MEMBERS = 10_000
"""Of an archive."""


def open_npy(path: Path) -> xr.Dataset:
    """Read an .npy file.

    Raises:
        DataError: If its array has no shape of a field, or takes more memory than there is.
        ValueError: If it is no .npy file, or shorter than its header says.
    """
    with path.open("rb") as file:
        shape, size = shape_and_bytes(file, os.fstat(file.fileno()).st_size)
        if len(shape) == 2:
            raise DataError(
                f"array {path.stem!r} has the shape {shape}; expected (time, y, x) or (time, "
                "channel, y, x), and static fields in an .npz file"
            )
        dims, _ = named_dims(path.stem, shape, {}, path)
        require_memory(size, str(path))
        file.seek(0)
        return xr.Dataset({path.stem: (dims, np.load(file, allow_pickle=False))})


def open_npz(path: Path) -> Contents:
    """Open the arrays of an .npz file that have at least two dimensions.

    Those of two are static fields. One-dimensional arrays named ``time``, ``lat``, ``lon``, ``y``
    or ``x`` are coordinates.

    Raises:
        DataError: If there is none, or absurdly many.
        ValueError: If a member is no array, or shorter than its header says.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise DataError(
                f"{path} holds more than {MOST_MEMBERS} arrays; keep one field per .npz file"
            )
        shapes, sizes = {}, {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as file:
                shapes[name], sizes[name] = shape_and_bytes(file, member.file_size)
    ranks = {name: len(shape) for name, shape in shapes.items() if len(shape) >= 2}
    fields = [name for name, rank in ranks.items() if rank >= 3]
    if not ranks:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(f"{path} holds no array of three dimensions (time, y, x), only {found}")
    lengths = {
        name: shape[0]
        for name, shape in shapes.items()
        if len(shape) == 1 and name.lower() in AXIS_OF
    }

    def read(_: str, wanted: str | None) -> xr.Dataset:
        if wanted is None and len(fields) != 1:
            raise DataError(several(fields or list(ranks), str(path)))
        name = wanted if wanted is not None else fields[0]
        dims, dim_of = named_dims(name, shapes[name], lengths, path)
        require_memory(sizes[name] + sum(sizes[n] for n in dim_of), str(path))
        with np.load(path, allow_pickle=False) as arrays:
            coords = {n: ((dim,), arrays[n]) for n, dim in dim_of.items()}
            return xr.Dataset({name: (dims, arrays[name])}, coords=coords)

    return Contents({"": ranks}, read, lambda: None)


def shape_and_bytes(file: IO[bytes], size: int) -> tuple[tuple[int, ...], int]:
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
