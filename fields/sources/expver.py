"""ERA5's final and preliminary releases, which its files tell apart by ``expver``.

The preliminary one (ERA5T, expver 5) is followed by the final one (expver 1) two to three months
later. Older files have ``expver`` as a dimension, with no value where a frame is of the other
release; newer ones have it as text along time.

Source: ECMWF, "ERA5: data documentation", section "Data update frequency";
https://confluence.ecmwf.int/display/CKB/ERA5%3A+data+documentation
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

EXPVER = "expver"
FINAL, PRELIMINARY, UNKNOWN = 1, 5, 0


@dataclass(frozen=True)
class Versions:
    """A variable of both releases.

    Attributes:
        final: Values of the final release, missing where there is none yet.
        preliminary: Values of the preliminary release.
    """

    final: xr.DataArray
    preliminary: xr.DataArray


def versions_of(array: xr.DataArray) -> Versions | None:
    """Return the releases of a variable that has them along a dimension; None if it has not."""
    if EXPVER not in array.dims or EXPVER not in array.coords:
        return None
    numbers = [_number(value) for value in np.ravel(array.coords[EXPVER].values)]
    if sorted(numbers) != [FINAL, PRELIMINARY]:
        return None
    one, other = (
        array.isel({EXPVER: numbers.index(number)}, drop=True) for number in (FINAL, PRELIMINARY)
    )
    return Versions(one, other)


def release_of_frames(dataset: xr.Dataset, time: str, frames: int) -> npt.NDArray[np.int8]:
    """Return the release of each frame: FINAL, PRELIMINARY, or UNKNOWN where a file does not say.

    Args:
        dataset: The file.
        time: Its dimension of time.
        frames: How many it has.
    """
    unknown = np.full(frames, UNKNOWN, np.int8)
    if EXPVER not in dataset.variables:
        return unknown
    found = dataset[EXPVER]
    if found.dims not in ((), (time,)) and found.size != 1:
        return unknown
    numbers = np.array([_number(value) for value in np.ravel(found.values)], np.int8)
    if len(numbers) not in (1, frames):
        return unknown
    return np.broadcast_to(numbers, frames).astype(np.int8)


def _number(value: object) -> int:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    try:
        number = float(text)
    except ValueError:
        return UNKNOWN
    return int(number) if number in (FINAL, PRELIMINARY) else UNKNOWN
