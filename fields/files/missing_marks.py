"""What a file declares as missing: fill values in every spelling, and the range of valid values.

netCDF and CF name ``_FillValue``, ``missing_value``, ``valid_range``, ``valid_min`` and
``valid_max``; models and converters use further spellings, write numbers as text, or give them
another type than the data. Sources: NetCDF Users' Guide, "Attribute Conventions"; CF 1.11, 2.5.1.
"""

import base64
import binascii
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

SPELLINGS = {
    *("fillvalue", "fillvalues", "missingvalue", "missingvalues", "codemissingvalue"),
    *("nodata", "nodatavalue"),
}
"""Names of attributes that hold fill values, in small letters and without anything else."""
RANGES = ("valid_range", "valid_min", "valid_max")
HINTS = ("GRIB_missingValue",)
"""cfgrib writes 9999 there for every field, whether it has missing values or not."""
FLOAT_FILL = 9.969209968386869e36
"""What the netCDF library writes where a float was never written."""
INTEGER_FILLS = {
    "i2": -32767,
    "u2": 65535,
    "i4": -2147483647,
    "u4": 4294967295,
    "i8": -9223372036854775806,
    "u8": 18446744073709551614,
}
"""The same for integers; bytes have none, since each of their few values may be data."""
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class ValidRange:
    """Physical values that a file declares as valid, both ends included.

    Attributes:
        least: Minus infinity where the file names none.
        most: Infinity where the file names none.
        name: The attributes that say so.
    """

    least: float
    most: float
    name: str


def declare_missing(raw: xr.Dataset, netcdf: bool) -> None:
    """Name all fill values of each variable in ``missing_value`` alone, in the type of its data.

    xarray then decodes them. Times stay as they are.

    Args:
        raw: Variables as stored, not decoded; their attributes are changed.
        netcdf: Whether integers that were never written hold the netCDF library's fill values.
    """
    for variable in raw.variables.values():
        if variable.dtype.kind not in "iuf" or " since " in str(variable.attrs.get("units", "")):
            continue
        attrs = dict(variable.attrs)
        if "_Unsigned" in attrs:  # xarray takes nothing but "true" and "false"
            attrs["_Unsigned"] = str(attrs["_Unsigned"]).lower()
        dtype = _type_of_values(variable.dtype, attrs)
        names = [name for name in attrs if _is_fill_value(name)]
        marks = {m for n in names for number in numbers_of(attrs[n]) for m in _as(number, dtype)}
        if "_FillValue" not in attrs:
            marks |= _default_fills(variable, dtype, netcdf)
        for name in ("_FillValue", "missing_value"):
            attrs.pop(name, None)
        if marks:
            attrs["missing_value"] = np.array(sorted(marks), dtype)
        variable.attrs = attrs


def without_marks(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return attributes of a variable without those that say which stored values are missing."""
    return {n: v for n, v in attrs.items() if not (_is_fill_value(n) or n in (*RANGES, *HINTS))}


def valid_range(decoded: xr.Variable) -> ValidRange | None:
    """Return the range of valid values; None where the file declares none.

    In units of the packed data where the attribute is of an integer type, as packed data are.

    Args:
        decoded: The variable as xarray decodes it.
    """
    both = list(numbers_of(decoded.attrs.get("valid_range", ())))
    if len(both) == 2:
        ends, name = dict(zip(("valid_min", "valid_max"), both, strict=True)), "valid_range"
    else:
        found = {n: list(numbers_of(decoded.attrs.get(n, ()))) for n in RANGES[1:]}
        ends = {n: numbers[0] for n, numbers in found.items() if len(numbers) == 1}
        name = " and ".join(ends)
    physical = {n: _physical(number, decoded) for n, number in ends.items()}
    flipped = any(_is_packed(n, decoded) for n in ends.values()) and _scale(decoded) < 0
    lower, upper = ("valid_max", "valid_min") if flipped else ("valid_min", "valid_max")
    least, most = physical.get(lower, -np.inf), physical.get(upper, np.inf)
    least, most = (-np.inf if np.isnan(least) else least), (np.inf if np.isnan(most) else most)
    if np.isinf(least) and np.isinf(most):
        return None
    return ValidRange(min(least, most), max(least, most), name)


def hinted_fill_values(decoded: xr.Variable) -> list[float]:
    """Return physical values that mark missing ones unless they are among the data.

    Args:
        decoded: The variable as xarray decodes it.
    """
    hints = [float(number) for n in HINTS for number in numbers_of(decoded.attrs.get(n, ()))]
    fill = decoded.encoding.get("fill_value")  # of Zarr, version 3
    if fill is not None and "chunks" in decoded.encoding and np.isfinite(fill):
        stored = np.asarray(fill, _stored_type(decoded))
        hints.append(float(_unpacked(stored.reshape(1), decoded)[0]))
    return hints


def _is_fill_value(name: object) -> bool:
    return re.sub("[^a-z]", "", str(name).lower()) in SPELLINGS


def numbers_of(value: Any) -> Iterable[np.generic]:
    """Return the numbers of an attribute, also of one that is text."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        return _numbers_in_text(value)
    array = np.ravel(np.asarray(value))
    if array.dtype.kind in "iuf":
        return [number for number in array if not np.isnan(number)]
    return [n for part in array if isinstance(part, str | bytes) for n in numbers_of(part)]


def _numbers_in_text(text: str) -> Iterable[np.generic]:
    numbers: list[np.generic] = []
    for part in re.split(r"[\s,;\[\](){}]+", text.strip()):
        # CDL writes the type behind a number, such as 1.e+20f.
        bare = part.rstrip("fFdDsSbBlLuU")
        if NUMBER.fullmatch(bare):
            whole = re.fullmatch(r"[-+]?\d{1,18}", bare)
            numbers.append(np.int64(bare) if whole else np.float64(bare))
        elif (packed := _base64_double(part)) is not None:
            numbers.append(packed)
    return numbers


def _base64_double(text: str) -> np.generic | None:
    """Return the number that xarray writes so into attributes of Zarr, version 3."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    number = struct.unpack("<d", content)[0] if len(content) == 8 else np.nan
    return None if np.isnan(number) else np.float64(number)


def _type_of_values(dtype: np.dtype[Any], attrs: Mapping[Any, Any]) -> np.dtype[Any]:
    """Return the type of stored values, where ``_Unsigned`` may give bits another meaning."""
    kind = {("i", "true"): "u", ("u", "false"): "i"}.get((dtype.kind, attrs.get("_Unsigned", "")))
    return np.dtype(f"{kind or dtype.kind}{dtype.itemsize}")


def _as(number: np.generic, dtype: np.dtype[Any]) -> set[Any]:
    """Return how a number may stand in data of a type; nothing where it cannot."""
    value = number.item()
    if dtype.kind in "iu":
        if not (np.isfinite(value) and value == int(value)):
            return set()
        whole, bits = int(value), 8 * dtype.itemsize
        if not -(2 ** (bits - 1)) <= whole < 2**bits:
            return set()
        limits = np.iinfo(dtype)
        if not limits.min <= whole <= limits.max:  # the same bits, read with or without a sign
            whole += 2**bits if whole < 0 else -(2**bits)
        return {dtype.type(whole)}
    limit = float(np.finfo(dtype).max)
    found = {dtype.type(value)} if np.isinf(value) or abs(value) <= limit else set()
    # Text and other types round: 9.96921e+36 stands for the fill value of the library.
    for known in (FLOAT_FILL, limit, -limit):
        if known <= limit and np.isclose(value, known, rtol=1e-5, atol=0):
            found.add(dtype.type(known))
    if dtype.itemsize == 8 and abs(value) < np.finfo(np.float32).max:
        single = np.float32(value)  # data or attribute may once have been in single precision
        found |= {np.float64(single), np.float64(str(single)) if single == value else value}
    return found


def _default_fills(variable: xr.Variable, dtype: np.dtype[Any], netcdf: bool) -> set[Any]:
    if dtype.kind == "f":
        return {dtype.type(FLOAT_FILL)} if variable.ndim > 1 and dtype.itemsize > 2 else set()
    fill = INTEGER_FILLS.get(f"{variable.dtype.kind}{variable.dtype.itemsize}")
    return _as(np.array([fill])[0], dtype) if fill and netcdf and variable.ndim > 2 else set()


def _stored_type(decoded: xr.Variable) -> np.dtype[Any]:
    stored = np.dtype(decoded.encoding.get("dtype") or decoded.dtype)
    return _type_of_values(stored, decoded.encoding)


def _is_packed(number: np.generic, decoded: xr.Variable) -> bool:
    """Return whether a limit is in units of packed data."""
    if not {"scale_factor", "add_offset"} & decoded.encoding.keys():
        return False
    stored = _stored_type(decoded)
    if stored.kind in "iu":
        return number.dtype.kind in "iu"
    return number.dtype.itemsize <= stored.itemsize


def _scale(decoded: xr.Variable) -> float:
    return float(np.ravel(decoded.encoding.get("scale_factor", 1.0))[0])


def _physical(number: np.generic, decoded: xr.Variable) -> float:
    """Return a limit in the units and the precision of the decoded values."""
    stored = _stored_type(decoded)
    value = number.item()
    if stored.kind in "iu" and number.dtype.kind in "iu":
        limits = np.iinfo(stored)
        fits = limits.min <= value <= limits.max
        if (
            not fits
            and "_Unsigned" in decoded.encoding
            and number.dtype.itemsize == stored.itemsize
        ):
            value += 2 ** (8 * stored.itemsize) * (1 if value < 0 else -1)
        value = min(max(value, limits.min), limits.max)
    if _is_packed(number, decoded):
        return float(_unpacked(np.array([value], stored), decoded)[0])
    if decoded.dtype.kind == "f" and stored.kind == "f":
        with np.errstate(over="ignore"):
            return float(decoded.dtype.type(value))
    return float(value)


def _unpacked(stored: npt.NDArray[Any], decoded: xr.Variable) -> npt.NDArray[Any]:
    """Return stored values decoded as xarray decodes those of the variable, rounded alike."""
    packing = {
        n: decoded.encoding[n] for n in ("scale_factor", "add_offset") if n in decoded.encoding
    }
    dataset = xr.Dataset({"v": ("n", stored, packing)})
    return np.asarray(xr.decode_cf(dataset)["v"].values)
