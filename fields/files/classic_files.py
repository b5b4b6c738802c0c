"""NetCDF 3 and CDF-5 files, whose length is compared with what their header says.

The header is that of the classic format specification of NetCDF. Its library reads what lies
behind the end of a file that was cut short as zeros.
"""

import math
import struct
from pathlib import Path
from typing import IO

import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.contents import UNREAD

ITEM_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Bytes of a value, by the number of its type."""
MOST_ENTRIES = 100_000
"""Dimensions, attributes or variables in a list."""


def open_classic(path: Path) -> xr.Dataset:
    """Open a NetCDF 3 file."""
    require_whole(path)
    return xr.open_dataset(path, engine="scipy", **UNREAD)


def open_cdf5(path: Path) -> xr.Dataset:
    """Open a file in CDF-5, the classic format with sizes of 64 bits."""
    require_whole(path)
    import netCDF4  # noqa: F401 - nothing else reads it; takes long, and is seldom needed

    return xr.open_dataset(path, engine="netcdf4", **UNREAD)


def require_whole(path: Path) -> None:
    """Check that a file is as long as the variables in its header are.

    Raises:
        DataError: If it is shorter.
        ValueError: If its header is none.
    """
    try:
        with path.open("rb") as file:
            needed = _Header(file).end()
    except struct.error as error:
        raise ValueError("it ends within its header") from error
    size = path.stat().st_size
    if size < needed:
        raise DataError(
            f"data file {path} cannot be read as {path.suffix or 'NetCDF'}: it is cut short, with "
            f"{size} of {needed} bytes; fetch or write it again"
        )


class _Header:
    """Reads the header of a file in the classic format from its start."""

    def __init__(self, file: IO[bytes]) -> None:
        version = file.read(4)[3]
        self.file = file
        self.count_format = ">q" if version == 5 else ">i"  # of counts and sizes
        self.offset_format = ">i" if version == 1 else ">q"  # of places in the file
        self.records = self.number(self.count_format)
        if self.records < 0:  # being written as a stream
            raise ValueError("its number of records is not given; write it again")

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.file.read(struct.calcsize(form)))[0])

    def entries(self) -> int:
        self.number(">i")  # the kind of the list
        count = self.number(self.count_format)
        if not 0 <= count <= MOST_ENTRIES:
            raise ValueError(f"a list of {count} entries in its header")
        return count

    def skip(self, size: int) -> None:
        self.file.seek(size + -size % 4, 1)

    def skip_name(self) -> None:
        self.skip(self.number(self.count_format))

    def skip_attributes(self) -> None:
        for _ in range(self.entries()):
            self.skip_name()
            kind = self.number(">i")
            self.skip(self.number(self.count_format) * ITEM_SIZES[kind])

    def end(self) -> int:
        """Return the first byte behind the last value."""
        lengths = []
        for _ in range(self.entries()):
            self.skip_name()
            lengths.append(self.number(self.count_format))
        self.skip_attributes()
        ends, of_records = [0], []
        for _ in range(self.entries()):
            self.skip_name()
            dims = [lengths[self.number(self.count_format)] for _ in range(self.dims())]
            self.skip_attributes()
            item = ITEM_SIZES[self.number(">i")]
            self.number(self.count_format)  # its size, which may be too large for the number
            begin = self.number(self.offset_format)
            if dims and dims[0] == 0:  # the dimension of records
                of_records.append((begin, item * math.prod(dims[1:])))
            else:
                ends.append(begin + item * math.prod(dims))
        if of_records and self.records:
            # A single variable of records is stored without padding.
            padded = [size if len(of_records) == 1 else size + -size % 4 for _, size in of_records]
            before = (self.records - 1) * sum(padded)
            ends += [begin + before + size for begin, size in of_records]
        return max(ends)

    def dims(self) -> int:
        count = self.number(self.count_format)
        if not 0 <= count <= MOST_ENTRIES:
            raise ValueError(f"a variable of {count} dimensions in its header")
        return count
