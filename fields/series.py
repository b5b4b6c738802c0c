"""A gridded field through time, the result of every reader and the input of every writer.

Shape legend: T time, C channel, H rows (y), W columns (x).
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def time_text(time: object) -> str:
    """Return a time without the digits it does not need."""
    if isinstance(time, np.datetime64):
        return str(np.datetime_as_string(time, unit="s")).removesuffix(":00")
    return str(time)


def period_text(times: npt.NDArray[Any]) -> str:
    """Return the first and the last of some times as text."""
    return f"{time_text(times[0])} to {time_text(times[-1])}"


@dataclass(frozen=True)
class FieldSeries:
    """One variable on a fixed grid at increasing times.

    Attributes:
        values_TCHW: Physical values; 0 where ``mask_HW`` is False, finite everywhere.
        mask_HW: True for valid cells (sea, or land, or all).
        time: Increasing time coordinate, length T: datetime64, cftime or numbers.
        units: Units of the values as the file states them, "" where it does not.
        filled_T: Share of the valid cells that were missing in a frame and were filled by the last
            value known; 0 for a complete frame.
        dims: Names of the time, y and x dimensions in the file.
        grid: Coordinates that do not depend on time (1-D or 2-D), with their attributes.
    """

    values_TCHW: FloatArray
    mask_HW: BoolArray
    time: npt.NDArray[Any]
    units: str
    name: str
    filled_T: FloatArray
    dims: tuple[str, str, str] = ("time", "y", "x")
    grid: xr.Dataset = field(default_factory=xr.Dataset)
    time_attrs: dict[str, Any] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    file_attrs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames, _, height, width = self.values_TCHW.shape
        assert self.mask_HW.shape == (height, width), "mask and values differ in shape"
        assert len(self.time) == frames == len(self.filled_T), "one time per frame"

    @property
    def is_dated(self) -> bool:
        """Whether time is dates and not numbers."""
        return bool(np.issubdtype(self.time.dtype, np.datetime64) or self.time.dtype == object)

    @property
    def steps_s(self) -> npt.NDArray[np.float64]:
        """Seconds (or, for numeric time, units of time) from each frame to the next, length T-1."""
        steps = np.diff(self.time)
        if np.issubdtype(steps.dtype, np.timedelta64):
            return np.asarray(steps / np.timedelta64(1, "s"), dtype=np.float64)
        if steps.dtype == object:  # cftime differences are datetime.timedelta
            return np.array([step.total_seconds() for step in steps], dtype=np.float64)
        return np.asarray(steps, dtype=np.float64)

    @property
    def step_s(self) -> float:
        """The usual time from a frame to the next, in seconds (0 for a single frame)."""
        return float(np.median(self.steps_s)) if len(self.time) > 1 else 0.0

    def coordinate(self, axis: Literal[1, 2]) -> npt.NDArray[np.float64] | None:
        """Return the coordinate of rows (1) or columns (2); None if it is not 1-D."""
        name = self.dims[axis]
        if name not in self.grid.coords or not np.issubdtype(self.grid[name].dtype, np.number):
            return None
        if self.grid[name].dims != (name,):  # of a curved grid: it differs along the other axis
            return None
        return np.asarray(self.grid[name].values, dtype=np.float64)

    def axis_label(self, axis: Literal[1, 2]) -> str:
        """Return the name of rows (1) or columns (2), with units where the file states them."""
        name = self.dims[axis]
        if self.coordinate(axis) is None:
            return f"{name} [cells]"
        units = self.grid[name].attrs.get("units", "")
        return f"{name} [{units}]" if units else name
