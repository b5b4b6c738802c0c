"""NetCDF 4 and plain HDF5 files: variables in groups, with or without dimensions of their own."""

from collections.abc import Iterator
from pathlib import Path

import h5netcdf
import h5py
import xarray as xr
from xarray.backends import H5NetCDFStore

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.contents import UNREAD, Contents, full_name, several, with_inherited
from fieldsharp.fields.files.hdf5_files import require_self_contained
from fieldsharp.fields.files.hdf5_filters import require_filters
from fieldsharp.fields.files.positional import AXIS_OF, named_dims, written_alone

PHONY = "phony_dim_"
"""How h5netcdf begins the name of a dimension that a file does not name."""


def open_hdf5(path: Path) -> Contents:
    """Open a NetCDF 4 or HDF5 file.

    Raises:
        DataError: If it refers to other files.
        OSError: If it is damaged.
    """
    file = h5py.File(path)
    try:
        require_self_contained(file, path)
        groups = dict(_groups(file))
        ranks = {name: dict(_ranks(group)) for name, group in groups.items()}
        netcdf = h5netcdf.File(file, phony_dims="access", decode_vlen_strings=True)
    except BaseException:
        file.close()
        raise

    def read(group: str, wanted: str | None) -> xr.Dataset:
        inner = netcdf[group] if group else netcdf
        dataset = xr.open_dataset(H5NetCDFStore(inner), **UNREAD)
        dataset = with_inherited(
            dataset,
            group,
            lambda outer: xr.open_dataset(
                H5NetCDFStore(netcdf[outer] if outer else netcdf), **UNREAD
            ),
            set(inner.dimensions),
        )
        fields = [n for n, rank in ranks.get(group, {}).items() if rank >= 3]
        unnamed = [n for n in fields if _is_unnamed(dataset, n)]
        if wanted is None and unnamed:
            if len(fields) > 1:
                raise DataError(several([full_name(group, n) for n in fields], str(path)))
            wanted = fields[0]
        if wanted in unnamed:
            dataset = _with_dims(dataset, wanted, groups[group], path)
        for name in dataset.variables:
            if name == wanted or name in dataset.dims:
                require_filters(_nearest(groups, group, str(name)), path)
        return dataset

    return Contents({g: held for g, held in ranks.items() if held or not g}, read, file.close)


def _groups(group: h5py.Group, name: str = "") -> Iterator[tuple[str, h5py.Group]]:
    """Yield a group and those in it, each once, by name; those behind soft links are left out."""
    seen, pending = set(), [(name, group)]
    while pending:
        name, group = pending.pop(0)
        if (address := h5py.h5o.get_info(group.id).addr) in seen:
            continue
        seen.add(address)
        yield name, group
        for key in group:
            hard = isinstance(group.get(key, getlink=True), h5py.HardLink)
            if hard and isinstance(below := group[key], h5py.Group):
                pending.append((full_name(name, key), below))


def _ranks(group: h5py.Group) -> Iterator[tuple[str, int]]:
    for key in group:
        item = group.get(key)  # None where a soft link leads nowhere
        if isinstance(item, h5py.Dataset) and not h5py.h5ds.is_scale(item.id):
            yield key, len(item.shape or ())


def _nearest(groups: dict[str, h5py.Group], group: str, name: str) -> h5py.Dataset:
    """Return a variable of a group, or of the nearest group around it that has one."""
    while group and name not in groups[group]:
        group = group.rpartition("/")[0]
    return groups[group][name]


def _is_unnamed(dataset: xr.Dataset, name: str) -> bool:
    dims = dataset.variables[name].dims if name in dataset.variables else ()
    return bool(dims) and all(str(dim).startswith(PHONY) for dim in dims)


def _with_dims(dataset: xr.Dataset, name: str, group: h5py.Group, path: Path) -> xr.Dataset:
    """Return one array of a group, and its coordinates, with dimensions by label or position."""
    array = group[name]
    labels = tuple(dim.label for dim in array.dims)
    variable = dataset.variables[name].copy(deep=False)
    if all(labels) and len(set(labels)) == len(labels):
        variable.dims = labels
        return xr.Dataset({name: variable}, attrs=dataset.attrs)
    if "HDFEOS" in group.file:  # names its dimensions in a text that is not read
        raise DataError(
            f"variable {name!r} in {path} is of HDF-EOS and does not say which of its dimensions "
            f"{array.shape} is time; write it alone, in the order time, y, x, with "
            f"{written_alone(path, array.name)}"
        )
    lengths = {
        str(n): int(v.size)
        for n, v in dataset.variables.items()
        if v.ndim == 1 and str(n).lower() in AXIS_OF and str(v.dims[0]).startswith(PHONY)
    }
    variable.dims, dim_of = named_dims(name, array.shape, lengths, path)
    coords = {}
    for n, dim in dim_of.items():
        coords[n] = dataset.variables[n].copy(deep=False)
        coords[n].dims = (dim,)
    return xr.Dataset({name: variable}, coords=coords, attrs=dataset.attrs)
