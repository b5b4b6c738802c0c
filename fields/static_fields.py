"""Fields that do not depend on time, such as orography."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.fields.files.formats import open_dataset, pick_variable
from fieldsharp.fields.settings import DataSettings


@dataclass(frozen=True)
class StaticField:
    """A variable without time.

    Attributes:
        values_HW: Physical values, NaN where missing.
    """

    values_HW: npt.NDArray[np.float32]
    dims: tuple[str, str]
    grid: xr.Dataset
    units: str
    name: str
    attrs: dict[str, Any] = field(default_factory=dict)


def read_static(settings: DataSettings, name: str) -> StaticField:
    """Read a variable without time."""
    with open_dataset(Path(settings.path), name) as dataset:
        array = dataset[pick_variable(dataset, name, settings.path)]
        array = array.squeeze(drop=True)
        y, x = (str(dim) for dim in array.dims)
        return StaticField(
            np.asarray(array.values, np.float32), (y, x), array.coords.to_dataset(), "", name
        )
