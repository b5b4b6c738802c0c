"""Values of a file in double precision, checked and marked as missing piece by piece.

Shape legend: T frames, H rows (y), W columns (x).
"""

import json
import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.rewriting import copy_with
from fieldsharp.fields.missing_values import MissingValues
from fieldsharp.fields.sources.field_source import Block

PIECE_VALUES = 2**20
"""Values that are checked at a time."""
LARGEST = float(np.finfo(np.float32).max)
"""Single precision is what is computed with."""


def checked_blocks(
    array: xr.DataArray, dims: tuple[str, ...], at_a_time: int, missing: MissingValues
) -> Iterator[Block]:
    """Yield the values of a variable, see ``FieldSource.blocks``.

    Args:
        array: The selected part, its dimensions in any order.
        dims: Dimensions that frames run along, then y and x.
        at_a_time: Entries of the first dimension to read from the file at a time.
        missing: Which of them are missing; it looks at each piece after it was used.

    Raises:
        DataError: If a value is infinite in single precision.
    """
    shape = [array.sizes[dim] for dim in dims]
    frames_each = math.prod(shape[1:-2])
    piece = max(1, PIECE_VALUES // math.prod(shape[1:]))
    infinite, first_infinite, a_frame = 0, -1, tuple(range(1, len(shape)))
    for start in range(0, shape[0], at_a_time):
        block = array.variable.isel({dims[0]: slice(start, start + at_a_time)})
        read = block.load().transpose(*dims).values
        for first in range(0, len(read), piece):
            doubles = read[first : first + piece].astype(np.float64)
            missing.mark(doubles)
            least = float(np.fmin.reduce(doubles, axis=None))
            most = float(np.fmax.reduce(doubles, axis=None))
            if least < -LARGEST or most > LARGEST:
                infinite_cells = np.abs(doubles) > LARGEST
                if not infinite:
                    first_infinite = (
                        start + first + int(np.argmax(infinite_cells.any(axis=a_frame)))
                    )
                infinite += int(infinite_cells.sum())
            elif not infinite:
                yield (start + first) * frames_each, doubles.reshape(-1, *shape[-2:])
                missing.look_at(doubles, (least, most))
    if infinite:
        raise DataError(
            f"variable {array.name!r} holds {infinite} infinite values (or beyond single "
            f"precision), the first in frame {first_infinite}; replace them by NaN to mark them "
            f"missing{copy_with(array, _without_infinite(array), 'finite')}"
        )


def _without_infinite(array: xr.DataArray) -> str:
    name = json.dumps(str(array.name))
    return f"d[{name}] = d[{name}].where(abs(d[{name}]) < 3e38)"
