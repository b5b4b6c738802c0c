"""Zarr stores, as folders or zip files: variables in groups."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr
import zarr
from xarray.backends import ZarrStore
from zarr.abc.store import Store

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.contents import UNREAD, Contents, full_name, with_inherited
from fieldsharp.fields.files.zarr_fill_values import declare_zarr_fill_values
from fieldsharp.fields.files.zarr_stores import OwnFilesStore, require_own_files
from fieldsharp.fields.files.zarr_zips import OwnMembersStore, root_in_zip

TO_NAME = (
    "write it with xarray, or with dimension_names, or for a result of a script name its axes, "
    "such as axes: [sample, y, x]"
)


def _require_dimension_names(group: Any, path: str) -> None:
    """Check that the arrays of a group have names of dimensions, without which they are no field.

    Raises:
        DataError: If one has none.
    """
    for name, array in group.arrays():
        if array.ndim and not any(dimension_names(array)):
            raise DataError(
                f"the array {full_name(path, name)} of the Zarr store has no names of dimensions; "
                f"{TO_NAME}"
            )


@contextmanager
def open_store(path: Path) -> Iterator[tuple[Store, str]]:
    """Open a Zarr folder, or a zip file of one, as it is; the second value is its root's path.

    Raises:
        DataError: If it holds links, or names files outside of itself.
    """
    store: Store
    if path.is_dir():
        require_own_files(path)
        store, root = OwnFilesStore(path, read_only=True), ""
    else:
        root = root_in_zip(path)
        store = OwnMembersStore(path)
    try:
        yield store, root
    finally:
        store.close()


def open_zarr(path: Path) -> Contents:
    """Open a Zarr folder.

    Raises:
        DataError: If it holds links to other files.
    """
    require_own_files(path)
    return zarr_contents(OwnFilesStore(path, read_only=True))


def open_zarr_zip(path: Path) -> Contents:
    """Open a zip file of a Zarr store.

    Raises:
        DataError: If it holds links, or names files outside of itself.
    """
    root = root_in_zip(path)
    store = OwnMembersStore(path)
    try:
        return zarr_contents(store, root)
    except BaseException:
        store.close()
        raise


def zarr_contents(store: Store, root: str = "", *, take_consolidated: bool = False) -> Contents:
    """Return what a Zarr store holds.

    Args:
        store: Opened for reading.
        root: Path of the store's root group in it.
        take_consolidated: Whether the metadata of arrays are read from their copy in one file,
            where there is one.
    """
    within: Any = zarr.open(store=store, path=root, mode="r")
    if isinstance(within, zarr.Array):
        raise DataError(f"the Zarr store is one array without a name; {TO_NAME}")
    consolidated = (
        take_consolidated
        and isinstance(within, zarr.Group)
        and within.metadata.consolidated_metadata is not None
    )
    ranks: dict[str, dict[str, int]] = {"": {}}
    if isinstance(within, zarr.Group):
        for name, member in within.members(max_depth=None):
            group, _, own = name.rpartition("/")
            if isinstance(member, zarr.Array) and not _is_coordinate(member, own):
                ranks.setdefault(group, {})[own] = member.ndim

    def read_alone(group: str) -> xr.Dataset:
        if isinstance(within, zarr.Group):
            _require_dimension_names(within[group] if group else within, group)
        inside: Any = store  # xarray takes what Zarr takes
        at = full_name(root, group) if root and group else root or group
        # Of a local store the metadata of every array are read themselves: a consolidated copy may
        # be missing or old. As a mask, since xarray refuses fill values that are plain numbers in
        # attributes of version 3.
        opened = ZarrStore.open_group(
            inside,
            mode="r",
            group=at or None,
            consolidated=consolidated,
            use_zarr_fill_value_as_mask=True,
        )
        dataset = xr.open_dataset(opened, **UNREAD)
        declare_zarr_fill_values(dataset, store, at)
        return dataset

    def read(group: str, _: str | None) -> xr.Dataset:
        return with_inherited(read_alone(group), group, read_alone, set())

    return Contents(ranks, read, store.close)


def dimension_names(array: "zarr.Array[Any]") -> list[object]:
    """Return the names of an array's dimensions, an empty list where it has none."""
    dims = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    return list(dims) if isinstance(dims, list | tuple) else []


def _is_coordinate(array: "zarr.Array[Any]", name: str) -> bool:
    return dimension_names(array) == [name]
