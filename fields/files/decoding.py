"""Decodes the variables of a file by CF: packing, dates, leads, months or years since a date."""

import json
import re
import shlex

import cftime
import numpy as np
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.addresses import Location

MONTHS_SINCE = re.compile(r"\s*(months?|years?)\s+since\s+(\S.*)", re.IGNORECASE)
ROUNDING = 1e-4
"""Of a whole number of months in single precision."""


def decode(raw: xr.Dataset, path: Location) -> xr.Dataset:
    """Return the variables with physical values, dates and missing values.

    Lengths of time are decoded where they are coordinates, such as leads. A field in days or hours,
    such as sunshine or the length of a season, remains numbers in its units.

    Args:
        raw: As stored.
        path: The file, for errors.

    Raises:
        DataError: If time counts fractions of months or years.
    """
    raw = _with_whole_months(raw, path)
    named = set(str(raw.attrs.get("coordinates", "")).split())
    for variable in raw.variables.values():
        named.update(str(variable.attrs.get("coordinates", "")).split())
    as_lengths = {
        str(name): variable.ndim < 2 or name in named for name, variable in raw.variables.items()
    }
    return xr.decode_cf(raw, decode_timedelta=as_lengths)


def _with_whole_months(raw: xr.Dataset, path: Location) -> xr.Dataset:
    """Return the variables with months or years since a date as days since it.

    CF counts a month as a twelfth of a year and advises against it; those who write it mean months
    of the calendar. In a calendar of equal months both are the same, and left to cftime.

    Raises:
        DataError: If one is no whole number.
    """
    for name, variable in list(raw.variables.items()):
        found = MONTHS_SINCE.fullmatch(str(variable.attrs.get("units", "")))
        calendar = str(variable.attrs.get("calendar", "standard")).lower()
        if not found or (calendar == "360_day" and found[1].lower().startswith("month")):
            continue
        months_each = 12 if found[1].lower().startswith("year") else 1
        months = np.asarray(variable.values, dtype=np.float64) * months_each
        whole = np.round(months)
        if not (np.abs(months - whole) < ROUNDING).all():
            raise _fractions(str(name), str(variable.attrs["units"]), variable.values, path)
        start = cftime.num2date(0, f"days since {found[2]}", calendar)
        dates = [_later(start, int(count)) for count in whole.ravel()]
        days = cftime.date2num(dates, f"days since {found[2]}", calendar)
        # The bounds of time are in its units, which are others now.
        attrs = {k: v for k, v in variable.attrs.items() if k not in ("bounds", "climatology")}
        attrs["units"] = f"days since {found[2]}"
        values = np.asarray(days, dtype=np.float64).reshape(variable.shape)
        raw = raw.assign({name: (variable.dims, values, attrs)})
    return raw


def _later(start: cftime.datetime, months: int) -> cftime.datetime:
    """Return the same day of a later month, or its last day where it has no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    for day in range(start.day, start.day - 4, -1):
        try:
            return start.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise ValueError(f"no day {start.day} in month {month + 1} of {year}")


def _fractions(name: str, units: str, values: object, path: Location) -> DataError:
    some = np.asarray(values, dtype=np.float64).ravel()
    first = next(value for value in some if not float(value).is_integer())
    found = MONTHS_SINCE.fullmatch(units)
    assert found, "it was matched before"
    since = found[2].split()[0].split("T")[0]
    scale = "* 12" if found[1].lower().startswith("year") else "* 1"
    year, month = ([*since.split("-"), "1"])[:2]
    start = f"{int(year):04d}-{int(month):02d}" if year.isdigit() and month.isdigit() else since
    file, own, written = (json.dumps(text) for text in (str(path), name, f"{path.stem}_dated.nc"))
    code = (
        f"import numpy, xarray; d = xarray.open_dataset({file}, decode_times=False); "
        f"m = numpy.floor(d[{own}].values {scale}).astype(int); "
        f"d[{own}] = d[{own}].dims, (numpy.datetime64({json.dumps(start)}) + m).astype("
        f'"datetime64[ns]"); d.to_netcdf({written}, engine="h5netcdf")'
    )
    return DataError(
        f"{name} counts {units!r}, with fractions such as {first:g}, whose dates are not certain; "
        f"give it dates, here the first day of each month, with python -c {shlex.quote(code)}"
    )
