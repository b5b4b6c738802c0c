"""Fill values of a Zarr store that mark missing values, beside those of chunks never written."""

from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store

from fieldsharp.fields.files.missing_marks import numbers_of


def declare_zarr_fill_values(raw: xr.Dataset, store: Store, at: str) -> None:
    """Give each variable the ``_FillValue`` that a Zarr store declares.

    Version 2 has one place for the fill value of missing values and for that of chunks never
    written, and its writers put 0 there unless told otherwise; so 0 is data, except where values
    are packed, which only xarray does. In version 3 missing values have an attribute of their own.

    Args:
        raw: Opened with ``use_zarr_fill_value_as_mask``; its attributes are changed.
        store: Where it is from.
        at: Its group in the store.
    """
    group = zarr.open_group(store, mode="r", path=at, use_consolidated=False)
    for name, variable in raw.variables.items():
        variable.attrs.pop("_FillValue", None)
        array = group[str(name)]
        assert isinstance(array, zarr.Array), "xarray makes variables of arrays alone"
        if variable.dtype.kind not in "iuf":
            if array.metadata.zarr_format == 2 and array.fill_value is not None:
                variable.attrs["_FillValue"] = array.fill_value
            continue
        own = array.attrs.asdict()
        found = list(numbers_of(own["_FillValue"])) if "_FillValue" in own else []
        fill: Any = array.fill_value
        variable.encoding.pop("fill_value", None)
        if array.metadata.zarr_format == 3:
            if fill:  # 0 is what writers put there unless told otherwise
                variable.encoding["fill_value"] = fill
        elif fill is not None and (fill != 0 or "scale_factor" in own or "add_offset" in own):
            found.append(fill)
        if found:
            variable.attrs["_FillValue"] = np.array(found) if len(found) > 1 else found[0]
