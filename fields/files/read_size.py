"""Memory that reading a file takes, from its metadata alone."""

import math
from pathlib import Path

import numpy as np
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory

BLOCK_VALUES = 2**20
"""Values that are read at a time where chunks are smaller."""
BYTES_A_COORDINATE = 160
"""Of each value of a coordinate: decoded, indexed and, where it is a date of another calendar, an
object of its own."""
BYTES_A_NUMBER = 32
"""Of each value of a coordinate of numbers."""
CHUNKS_AT_A_TIME = 10
"""That Zarr decodes."""
MOST_RETAINED_BYTES = 2 * CHUNKS_AT_A_TIME * 32 * 2**20
"""Larger chunks than of 32 MiB are given back by the C library when they are freed."""
MOST_VARIABLES = 10_000
BYTES_A_CHECKED_VALUE = 26
"""In double precision, where those outside the valid range are gathered and sorted."""
Dims = tuple[str, ...]
"""Names of time, y and x; of a forecast, of all dimensions that frames run along, then y and x."""


def frames_at_a_time(stored: xr.Variable, array: xr.DataArray, dims: Dims) -> int:
    """Return how many time steps to read at a time: each chunk is decoded once.

    Args:
        stored: The variable as it is in the file.
        array: The selected part, its dimensions in any order.
        dims: Its time, y and x; frames are those along the first of them.
    """
    frames = array.sizes[dims[0]]
    cells = array.size // frames
    if chunk := _chunk(stored):
        step = min(chunk[stored.dims.index(dims[0])], frames)
    else:  # a frame that is strewn over the file is not gathered again and again
        step = 1 if array.dims[0] == dims[0] else frames
    return min(frames, -(-max(1, BLOCK_VALUES // cells) // step) * step)


def memory_needed(
    stored: xr.Variable,
    array: xr.DataArray,
    dims: Dims,
    use: Use,
    dtype: np.dtype[np.generic],
    held: int = 0,
) -> int:
    """Return the peak memory, in bytes, of reading and using a variable.

    Args:
        stored: The variable as it is in the file.
        array: The selected part, its dimensions in any order.
        dims: Its time, y and x.
        use: Memory that its use takes.
        dtype: Precision of its values in memory.
        held: Bytes of the file that stay in memory until it is read.
    """
    block = _values_at_a_time(stored, array, dims)
    one_block = _one_block(stored, array, block, dtype.itemsize)
    reading = (array.size - block) * dtype.itemsize + one_block
    using = array.size * use.bytes_a_value - held
    return max(reading, using) + _beside_values(stored, array, dims)


def block_memory(stored: xr.Variable, array: xr.DataArray, dims: Dims) -> int:
    """Return the peak memory, in bytes, of reading a variable a block at a time.

    Args:
        stored: The variable as it is in the file.
        array: The selected part, its dimensions in any order.
        dims: Its time, y and x.
    """
    block = _values_at_a_time(stored, array, dims)
    return _one_block(stored, array, block, 0) + _beside_values(stored, array, dims)


def _values_at_a_time(stored: xr.Variable, array: xr.DataArray, dims: Dims) -> int:
    return array.size // array.sizes[dims[0]] * frames_at_a_time(stored, array, dims)


def _one_block(stored: xr.Variable, array: xr.DataArray, block: int, held_each: int) -> int:
    """Return the memory of reading and checking a block, held in so many bytes a value."""
    decoded = array.dtype.itemsize
    gathered = max(
        block * _stored_itemsize(stored) + _chunk_memory(stored),  # from chunks
        block * (2 * decoded + 1),  # decoded, where missing values become NaN
        block * (decoded + held_each),  # checked and rounded
    )
    return gathered + BLOCK_VALUES * BYTES_A_CHECKED_VALUE


def _beside_values(stored: xr.Variable, array: xr.DataArray, dims: Dims) -> int:
    read = [c for name, c in array.coords.items() if name == dims[0] or set(c.dims) <= {*dims[1:]}]
    coordinates = sum(_coordinate_memory(c.variable) for c in read)
    # The threads of Zarr do not return the memory of small chunks.
    in_chunks = _chunk_memory(stored)
    retained = in_chunks if "chunks" in stored.encoding and in_chunks < MOST_RETAINED_BYTES else 0
    return coordinates + retained


def require_readable_coordinates(raw: xr.Dataset, path: Path) -> None:
    """Check the size of all that decoding reads: coordinates of dimensions, and a chunk of dates.

    Args:
        raw: Its variables, not decoded.
        path: The file.

    Raises:
        DataError: If they take more memory than there is, or there are absurdly many variables.
    """
    if len(raw.variables) > MOST_VARIABLES:
        raise DataError(
            f"data file {path} holds more than {MOST_VARIABLES} variables; write the variable into "
            "a file of its own"
        )
    for name, variable in raw.variables.items():
        if variable.dims == (name,):
            needed = variable.size * BYTES_A_COORDINATE + _chunk_memory(variable)
        elif " since " in str(variable.attrs.get("units", "")):
            needed = _chunk_memory(variable)  # its first and last value
        else:
            continue
        require_memory(
            needed, f"coordinate {str(name)!r} in {path} holds {variable.size} values and"
        )


def _chunk(stored: xr.Variable) -> tuple[int, ...]:
    """Return the shape of a chunk, decoded as a whole; () where values are stored unchunked."""
    found = stored.encoding
    chunk = tuple(found.get("shards") or found.get("chunks") or found.get("chunksizes") or ())
    return chunk if len(chunk) == stored.ndim else ()  # else of more dimensions before a selection


def _chunk_memory(stored: xr.Variable) -> int:
    chunk = _chunk(stored)
    if not chunk:
        return 0
    at_a_time = CHUNKS_AT_A_TIME if "chunks" in stored.encoding else 1
    needed = math.prod(-(-n // c) for n, c in zip(stored.shape, chunk, strict=True))
    # Packed and unpacked.
    return 2 * min(at_a_time, max(1, needed)) * math.prod(chunk) * _stored_itemsize(stored)


def _stored_itemsize(stored: xr.Variable) -> int:
    return int(np.dtype(stored.encoding.get("dtype") or stored.dtype).itemsize)


def _coordinate_memory(coordinate: xr.Variable) -> int:
    numbers = coordinate.dtype.kind in "iuf"
    each = BYTES_A_NUMBER if numbers else BYTES_A_COORDINATE + coordinate.dtype.itemsize
    return coordinate.size * each + _chunk_memory(coordinate)
