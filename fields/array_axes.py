"""A forecast and its truth as arrays whose axes are named by hand: sample, lead, member and so on.

Shape legend: T frames, H rows (y), W columns (x).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import require_memory
from fieldsharp.fields.axis_names import AXES, OF_FRAMES
from fieldsharp.fields.coordinates.roles import Role, dimension_roles
from fieldsharp.fields.missing_values import MissingValues
from fieldsharp.fields.reading import RawField
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.checked_blocks import checked_blocks

ORDER = ("sample", "lead", "member", "y", "x")
"""Of the axes that are left once one channel is chosen."""
BYTES_A_VALUE = 72
"""Memory that the evaluation of a pair takes, for each of its values."""
OF_ROLE = {
    Role.Y: ("y",),
    Role.X: ("x",),
    Role.MEMBER: ("member",),
    Role.LEAD: ("lead",),
    Role.REFERENCE: ("sample",),
    Role.TIME: OF_FRAMES,
}
"""The axes that a dimension may be whose own name or coordinate says what it is."""
FAR_BETTER = 0.25
"""Of the squared error: with two axes exchanged an array that has them right never fits so much
better."""
NOT_VARYING = 1e-12
"""Of the square of the values: errors below are those of rounding."""


@dataclass(frozen=True)
class NamedArray:
    """An array with the names of its axes.

    Attributes:
        array: As it is in its file; dimensions without names of their own are numbered.
        axes: What each of its axes is, in its order.
        select: An index for each axis that is not left.
        setting: That says so, for errors.
        file: For errors.
    """

    array: xr.DataArray
    axes: tuple[str, ...]
    select: Mapping[str, int]
    setting: str
    file: str


@dataclass(frozen=True)
class FieldPair:
    """A forecast and its truth."""

    predicted: RawField
    observed: RawField


def pair_of_arrays(forecast: NamedArray, truth: NamedArray) -> FieldPair:
    """Return the frames of a forecast and of its truth, each pair of a sample and a lead a time.

    Args:
        forecast: With frames along the same axes as the truth, and perhaps members.
        truth: Without members.

    Raises:
        DataError: If axes do not fit the arrays, sizes differ, a number is infinite or looks like a
            fill value, or the arrays fit far better with two axes exchanged.
    """
    ours, theirs = _arranged(forecast), _arranged(truth)
    _require_same_sizes(ours, theirs, forecast, truth)
    _require_same_coordinates(ours, theirs, forecast, truth)
    what = f"{forecast.file} and {truth.file}"
    require_memory((ours.size + theirs.size) * BYTES_A_VALUE, what)
    predicted, observed = _frames(ours, forecast), _frames(theirs, truth)
    pair = FieldPair(predicted, observed)
    _require_best_order(pair, ours.shape, forecast)
    return pair


def _arranged(named: NamedArray) -> xr.DataArray:
    """Return an array with the axes of ``ORDER``, of length 1 where it lacks them."""
    array = named.array
    if len(named.axes) != array.ndim:
        raise DataError(
            f"{named.setting}.axes names {len(named.axes)} axes ({', '.join(named.axes)}), and the "
            f"array in {named.file} has {array.ndim}, of the lengths {_lengths(array)}; name each "
            "of them in its order"
        )
    if array.dtype.kind not in "iuf":
        raise DataError(
            f"the array in {named.file} holds {array.dtype}, not real numbers; write numbers"
        )
    if array.size == 0:
        raise DataError(
            f"the array in {named.file} holds no values, its axes are of the lengths "
            f"{_lengths(array)}; write every frame into it"
        )
    dim_of = dict(zip(named.axes, map(str, array.dims), strict=True))
    _require_same_roles(named, dim_of)
    for axis, index in named.select.items():
        size = array.sizes[dim_of[axis]]
        if not index < size:
            raise DataError(
                f"{axis} {index} (in {named.setting}.select) is beyond the array in {named.file}: "
                f"there are {size}, from 0 to {size - 1}; choose one of these"
            )
        array = array.isel({dim_of[axis]: index}, drop=True)
    channel = dim_of.get("channel")
    if channel in array.dims:
        if array.sizes[channel] > 1:
            raise DataError(
                f"the array in {named.file} has {array.sizes[channel]} channels, and one variable "
                f"is judged; choose one, such as {named.setting}.select: {{channel: 0}}"
            )
        array = array.isel({channel: 0}, drop=True)
    left = {axis: dim for axis, dim in dim_of.items() if dim in array.dims}
    new = [axis for axis in ORDER if axis not in left]
    array = array.expand_dims({f"no {axis}": 1 for axis in new})
    return array.transpose(*(left.get(axis, f"no {axis}") for axis in ORDER))


def _require_same_roles(named: NamedArray, dim_of: Mapping[str, str]) -> None:
    """Refuse axes that the dimensions of the file contradict by their names or coordinates."""
    roles = dimension_roles(named.array)
    for axis, dim in dim_of.items():
        allowed = OF_ROLE.get(roles[dim], AXES)
        if dim.lower() in AXES and dim.lower() != axis:
            allowed = (dim.lower(),)
        if axis not in allowed:
            raise DataError(
                f"{named.setting}.axes says that {axis} is where {named.file} has the dimension "
                f"{dim!r}, which is {' or '.join(allowed)}; give the axes in the order "
                f"{', '.join(map(str, named.array.dims))}"
            )


def _require_same_sizes(
    ours: xr.DataArray, theirs: xr.DataArray, forecast: NamedArray, truth: NamedArray
) -> None:
    for index, axis in enumerate(ORDER):
        if axis == "member" or ours.shape[index] == theirs.shape[index]:
            continue
        hint = "write the same frames and cells into both"
        if ours.shape[-2:] == theirs.shape[:-3:-1]:
            hint = f"y and x are exchanged in one of them: correct {forecast.setting}.axes"
        raise DataError(
            f"{forecast.file} has {ours.shape[index]} along {axis} and {truth.file} "
            f"{theirs.shape[index]}; {hint}"
        )


def _require_same_coordinates(
    ours: xr.DataArray, theirs: xr.DataArray, forecast: NamedArray, truth: NamedArray
) -> None:
    """Refuse frames that both files give times or numbers, which differ."""
    for a, b, axis in zip(ours.dims, theirs.dims, ORDER, strict=True):
        if axis in OF_FRAMES and a in ours.coords and b in theirs.coords:
            mine, other = ours.coords[a].values, theirs.coords[b].values
            if not np.array_equal(mine, other):
                first = int(np.argmax(mine != other)) if mine.shape == other.shape else 0
                raise DataError(
                    f"{forecast.file} and {truth.file} differ in what {axis} {first} is: "
                    f"{mine.flat[first]} and {other.flat[first]}; write the same frames into both"
                )


def _frames(arranged: xr.DataArray, named: NamedArray) -> RawField:
    """Return the frames of an arranged array, numbered by sample and lead."""
    samples, leads, members, rows, columns = arranged.shape
    settings = DataSettings(path=named.file)
    name = printable_name(named)
    missing = MissingValues.of(arranged.variable, name, named.file, settings)
    values_THW = np.empty((samples * leads * members, rows, columns))
    dims = tuple(map(str, arranged.dims))
    for first, block_THW in checked_blocks(arranged.rename(name), dims, samples, missing):
        values_THW[first : first + len(block_THW)] = block_THW
    missing.judge(values_THW)
    lead_T, member_T = np.indices((samples, leads, members)).reshape(3, -1)[1:]
    y, x = (
        dim if not dim.startswith("dim_") else axis
        for dim, axis in zip(dims[-2:], "yx", strict=True)
    )
    grid = arranged.coords.to_dataset().drop_dims(list(dims[:3]), errors="ignore").load()
    return RawField(
        values_THW=values_THW,
        time=np.repeat(np.arange(samples * leads), members),
        has_time=False,
        dims=("time", y, x),
        grid=grid,
        array=xr.DataArray(
            np.empty((0, rows, columns)), dims=("time", y, x), name=name, attrs=arranged.attrs
        ),
        file_attrs={},
        # Leads are numbered: no file says how long they are.
        lead_T=(lead_T + 1).astype("timedelta64[ns]") if leads > 1 else None,
        member_T=tuple(map(str, member_T)) if members > 1 else None,
    )


def printable_name(named: NamedArray) -> str:
    """Return the name of an array, that of its file where it has none."""
    return str(named.array.name or named.file)


def _require_best_order(pair: FieldPair, shape: tuple[int, ...], forecast: NamedArray) -> None:
    """Refuse axes of one length that fit far better exchanged."""
    samples, leads, _, rows, columns = shape
    pred = pair.predicted.values_THW.reshape(shape).mean(axis=2)
    target = pair.observed.values_THW.reshape(samples, leads, rows, columns)
    error = _squared_error(pred, target)
    floor = NOT_VARYING * float(np.nanmean(np.square(target)))
    names = [axis for axis in ORDER if axis != "member"]
    for a, b in combinations(range(4), 2):
        if pred.shape[a] != pred.shape[b] or pred.shape[a] == 1:
            continue
        if _squared_error(pred.swapaxes(a, b), target) < FAR_BETTER * error - floor:
            raise DataError(
                f"{forecast.file} fits the truth far better with {names[a]} and {names[b]} "
                f"exchanged; correct the order in {forecast.setting}.axes, or in that of the truth"
            )


def _squared_error(pred: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> float:
    known = np.isfinite(pred) & np.isfinite(target)
    if not known.any():
        return np.inf
    return float(np.square(pred - target)[known].mean())


def _lengths(array: xr.DataArray) -> str:
    return ", ".join(map(str, array.shape))
