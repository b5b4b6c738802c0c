"""A small series at given times."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fieldsharp.fields.series import FieldSeries


def series_at(times: Any) -> FieldSeries:
    """Return a field of zeros at these times, an index or an array of any kind of time."""
    time_T: npt.NDArray[Any] = np.asarray(times)
    return FieldSeries(
        values_TCHW=np.zeros((len(time_T), 1, 2, 2), dtype=np.float32),
        mask_HW=np.ones((2, 2), dtype=np.bool_),
        time=time_T,
        units="K",
        name="t2m",
        filled_T=np.zeros(len(time_T), dtype=np.float32),
    )
