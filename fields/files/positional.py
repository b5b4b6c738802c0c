"""Dimensions of arrays without names of their own: by position, or by arrays named after them."""

import json
import shlex
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

from fieldsharp.core.errors import DataError

BY_POSITION = {2: ("y", "x"), 3: ("time", "y", "x"), 4: ("time", "channel", "y", "x")}
"""Dimensions of an array, by their number."""
AXIS_OF = {
    **dict.fromkeys(("lat", "latitude", "y"), "y"),
    **dict.fromkeys(("lon", "longitude", "x"), "x"),
    "time": "time",
}
"""The axis that a one-dimensional array gives the coordinate of, by its name."""


def named_dims(
    name: str, shape: tuple[int, ...], lengths: Mapping[str, int], path: Path
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the dimensions of an array, and the dimension of each coordinate beside it.

    The order is (time, y, x) or (time, channel, y, x), unless the lengths of the coordinates fit
    another order and only that one. A dimension is named after its coordinate.

    Args:
        name: Of the array.
        shape: Of the array.
        lengths: Of the one-dimensional arrays beside it, by name; those with names of no axis are
            left out.
        path: The file.

    Raises:
        DataError: If it has not two, three or four dimensions, or a coordinate fits none of them.
    """
    usual = BY_POSITION.get(len(shape))
    if usual is None:
        raise DataError(
            f"array {name!r} has the shape {shape}; expected (time, y, x) or (time, channel, y, x)"
        )
    given = {n: AXIS_OF[n.lower()] for n in lengths if n.lower() in AXIS_OF}
    unnamed = [axis for axis in usual if axis not in given.values()]
    # Axes without a coordinate keep their order: nothing says another one.
    fitting = [
        order
        for order in permutations(usual)
        if [axis for axis in order if axis in unnamed] == unnamed
        and all(shape[order.index(axis)] == lengths[n] for n, axis in given.items())
    ]
    if usual not in fitting and len(fitting) != 1:
        found = ", ".join(f"{n} of {lengths[n]}" for n in given)
        raise DataError(
            f"array {name!r} has the shape {shape}, which the coordinates beside it do not fit "
            f"({found}); write it alone, in the order time, y, x, with {written_alone(path, name)}"
        )
    order = usual if usual in fitting else fitting[0]
    title: dict[str, str] = {}
    for n, axis in given.items():  # latitudes rather than numbers of rows
        if axis not in title or title[axis].lower() in ("x", "y"):
            title[axis] = n
    return (
        tuple(title.get(axis, axis) for axis in order),
        {n: title[axis] for n, axis in given.items()},
    )


def written_alone(path: Path, name: str) -> str:
    """Return the command that writes one array of a file into an .npy file.

    Args:
        path: An .npz or HDF5 file.
        name: Of the array, with its groups.
    """
    alone = f"{path.stem}_{name.strip('/').replace('/', '_').replace(' ', '_')}.npy"
    file, array, written = (json.dumps(str(part)) for part in (path, name, alone))
    if path.suffix.lower() == ".npz":
        code = f"import numpy; numpy.save({written}, numpy.load({file})[{array}])"
    else:
        code = f"import h5py, numpy; numpy.save({written}, h5py.File({file})[{array}][...])"
    return f"python -c {shlex.quote(code)}"
