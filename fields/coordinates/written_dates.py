"""Dates that a file writes as text or as numbers of digits: 2020-01-01_06:00:00, 2020010106."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from fieldsharp.core.errors import DataError

DIGITS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""Format of a date by its number of digits."""
FIRST_YEAR, LAST_YEAR = 1800, 2200
DAY_AS_DIGITS = re.compile(r"^day as %Y%m%d(\.%f)?$")
"""Units of absolute time, as CDO writes them."""
TEXT = re.compile(r"^\d{4}-\d{2}-\d{2}(?:[ T_]\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?Z?)?$")


def as_dates(coordinate: xr.DataArray) -> npt.NDArray[np.datetime64] | None:
    """Return the dates that text or numbers of digits stand for, None where they are none.

    Numbers are dates if their units are those of absolute time, or there are none, and all of them
    are dates in 1800 to 2200.

    Raises:
        DataError: If numbers have the units of dates but are none, or are in single precision,
            which cannot hold eight digits.
    """
    if coordinate.dtype.kind in "SUO":
        return _of_text(coordinate)
    if coordinate.dtype.kind not in "iuf" or coordinate.size == 0:
        return None
    units = str(coordinate.attrs.get("units", "")).strip()
    declared = bool(DAY_AS_DIGITS.match(units)) or bool(re.match(r"^%?Y+%?m+%?d+", units, re.I))
    if not declared and units not in ("", "1"):
        return None
    values = np.asarray(coordinate.values)
    plausible = _has_digits_of_dates(values)
    if coordinate.dtype == np.float32 and (declared or plausible):
        raise DataError(
            f"coordinate {coordinate.name!r} holds dates as numbers such as {values.flat[0]:.0f} "
            "in single precision, which rounds the day; write it in double precision or as whole "
            "numbers"
        )
    dates = _of_numbers(values) if plausible else None
    if dates is None and declared:
        raise DataError(
            f"coordinate {coordinate.name!r} has the units {units!r}, and holds "
            f"{values.flat[0]!s}, which is no date; give it CF units such as "
            "'hours since 2000-01-01'"
        )
    return dates


def _has_digits_of_dates(values: npt.NDArray[Any]) -> bool:
    if not np.isfinite(values).all():
        return False
    for digits in DIGITS:
        scale = 10 ** (digits - 4)
        if values.min() >= FIRST_YEAR * scale and values.max() < (LAST_YEAR + 1) * scale:
            return True
    return False


def _of_numbers(values: npt.NDArray[Any]) -> npt.NDArray[np.datetime64] | None:
    whole = np.floor(values).astype(np.int64)
    part = np.asarray(values - whole, dtype=np.float64)
    digits = len(str(int(whole.flat[0])))
    if digits not in DIGITS or (digits != 8 and part.any()):
        return None
    text = whole.astype(str).ravel()
    found = pd.to_datetime(text, format=DIGITS[digits], errors="coerce").to_numpy()
    if np.isnat(found).any():
        return None
    # A fraction of a day in doubles of eight digits is known to the second at best.
    seconds = np.round(part.ravel() * 86_400.0).astype("timedelta64[s]")
    dates = found.astype("datetime64[ns]") + seconds
    return np.asarray(dates.reshape(values.shape))


def _of_text(coordinate: xr.DataArray) -> npt.NDArray[np.datetime64] | None:
    values = [
        v.decode("ascii", errors="replace") if isinstance(v, bytes) else v
        for v in coordinate.values.ravel()
    ]
    if not values or not all(isinstance(v, str) and TEXT.match(v.strip("\0 ")) for v in values):
        return None
    plain = [v.strip("\0 ").replace("_", "T").replace(" ", "T").removesuffix("Z") for v in values]
    try:
        dates = np.array([np.datetime64(v) for v in plain], dtype="datetime64[ns]")
    except ValueError:
        return None
    return dates.reshape(coordinate.shape)
