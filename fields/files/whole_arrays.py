"""Arrays of any number of axes, whole: the axes of bare ones are numbered.

NumPy files, and data sets of HDF5 and arrays of Zarr without dimensions of their own, are read
here, all other files as fields are.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
import zarr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import require_memory
from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.files.formats import open_dataset, pick_variable, unreadable
from fieldsharp.fields.files.hdf5_files import require_self_contained
from fieldsharp.fields.files.hdf5_filters import require_filters
from fieldsharp.fields.files.numpy_files import shape_and_bytes
from fieldsharp.fields.files.recognition import kind_of, require_present
from fieldsharp.fields.files.zarr_groups import dimension_names, open_store

LEAST_AXES = 3
"""Of an array that is a forecast; fewer are coordinates and the like."""


def read_array(path: Path, key: str | None) -> xr.DataArray:
    """Return one array of a file with its values.

    Args:
        path: NumPy, HDF5, NetCDF or Zarr.
        key: Its name; None where the file holds one.

    Raises:
        DataError: If the file cannot be read, or holds no such array, or several and none is named.
    """
    require_present(path)
    kind = kind_of(path)
    try:
        if kind == "NumPy array":
            return _numbered(_npy(path), path.stem)
        if kind == "NumPy archive":
            return _of_archive(path, key)
        if kind == "HDF5":
            bare = _bare(path, key)
            if bare is not None:
                return bare
        if kind in ("Zarr", "Zarr in a zip file"):
            bare = _bare_of_zarr(path, key)
            if bare is not None:
                return bare
        with open_dataset(path, key) as dataset:
            array = dataset[pick_variable(dataset, key, str(path))]
            require_memory(array.nbytes, str(path))
            return array.load()
    except DataError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error


def pick(names: list[str], key: str | None, path: Path, setting: str = "key") -> str:
    """Return the name of the array that is wanted of a file.

    Args:
        names: Of the arrays it holds.
        key: The name given; None where the file holds one.
        path: The file, for errors.
        setting: That gives the name, for errors.

    Raises:
        DataError: If there is none of that name, or none was given and there is not one.
    """
    if key is None and len(names) == 1:
        return names[0]
    if key is None:
        raise DataError(
            f"{path} holds {len(names)} arrays; name one with {setting}: "
            f"{', '.join(sorted(names)) or '(none there)'}"
        )
    if key not in names:
        raise DataError(f"{unknown('array', key, names)} (in {path})")
    return key


def _numbered(values: np.ndarray, name: str) -> xr.DataArray:
    return xr.DataArray(values, dims=[f"dim_{n}" for n in range(values.ndim)], name=name)


def _npy(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        _, size = shape_and_bytes(file, path.stat().st_size)
        require_memory(size, str(path))
        file.seek(0)
        return np.asarray(np.load(file, allow_pickle=False))


def _of_archive(path: Path, key: str | None) -> xr.DataArray:
    with np.load(path, allow_pickle=False) as arrays:
        shapes = {}
        for name in arrays.files:
            member = arrays.zip.getinfo(name if name in arrays.zip.NameToInfo else f"{name}.npy")
            with arrays.zip.open(member) as file:
                shapes[name] = shape_and_bytes(file, member.file_size)
        fields = [name for name, (shape, _) in shapes.items() if len(shape) >= LEAST_AXES]
        name = pick(fields if key is None else list(shapes), key, path)
        require_memory(shapes[name][1], str(path))
        return _numbered(arrays[name], name)


def _bare(path: Path, key: str | None) -> xr.DataArray | None:
    """Return a data set without dimensions of its own; None where it has some."""
    with h5py.File(path) as file:
        require_self_contained(file, path)
        found: dict[str, h5py.Dataset] = {}

        def add(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset) and not h5py.h5ds.is_scale(item.id):
                found[name] = item

        file.visititems(add)
        fields = [name for name, item in found.items() if len(item.shape or ()) >= LEAST_AXES]
        name = pick(fields if key is None else list(found), key and key.strip("/"), path)
        array = found[name]
        if any(dim.label or len(dim) for dim in array.dims):
            return None
        require_filters(array, path)
        require_memory(array.nbytes, str(path))
        return _numbered(array[()], name)


def _bare_of_zarr(path: Path, key: str | None) -> xr.DataArray | None:
    """Return an array of a store without dimensions of its own; None where it has some."""
    with open_store(path) as (store, root):
        opened: Any = zarr.open(store=store, path=root, mode="r")
        if isinstance(opened, zarr.Array):
            if key is not None:
                raise DataError(f"{path} is one array without a name; leave the key out")
            name, array = path.stem, opened
        else:
            members = opened.members(max_depth=None)
            found = {name: one for name, one in members if isinstance(one, zarr.Array)}
            fields = [name for name, one in found.items() if one.ndim >= LEAST_AXES]
            name = pick(fields if key is None else list(found), key and key.strip("/"), path)
            array = found[name]
            if any(dimension_names(array)):
                return None
        require_memory(array.nbytes, str(path))
        return _numbered(np.asarray(array[...]), name)
