"""A series in a folder of its own: unscaled values in single precision, gaps filled, checksummed.

    values.f32    float32 [T, H, W] in the byte order of the machine, masked cells 0
    cells.npz     mask_HW: valid cells; filled_T: share of them that was filled in each frame
    header.json   shape, byte order and checksums; written last

Shape legend: T frames, H rows (y), W columns (x).
"""

import errno
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldsharp.core.errors import DataError
from fieldsharp.core.partial_file import open_new
from fieldsharp.fields.gap_filling import GapFiller, KnownCells
from fieldsharp.fields.series import BoolArray, FloatArray
from fieldsharp.fields.sources.field_source import FieldSource

VERSION = 1
VALUES, CELLS, HEADER = "values.f32", "cells.npz", "header.json"
BLOCK_VALUES = 2**22
"""Values of a block of the file, which is read, filled and written again as a whole."""
BYTES_A_VALUE = 4
OF_LIMITS = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True)
class FilledValues:
    """The values of a series, and what is known of its gaps.

    Attributes:
        values_THW: Gaps filled, masked cells 0; of a stored series memory-mapped and read-only.
        mask_HW: Valid cells.
        filled_T: Share of the valid cells that were filled in each frame.
    """

    values_THW: FloatArray
    mask_HW: BoolArray
    filled_T: FloatArray


def write_series(source: FieldSource, min_valid_share: float, folder: Path) -> None:
    """Write a series into an empty folder; it has the bits of one that is read into memory.

    The source is read once, a block at a time. The file is read and written again where gaps are
    filled, as the last value before a gap may be in the block before.

    Raises:
        DataError: As ``read_series``, but for too little memory to hold the series.
        OSError: If it cannot be written.
    """
    source.require_memory_for_blocks()
    shape, path = source.header.shape, folder / VALUES
    known, digest = None, hashlib.sha256()
    with os.fdopen(open_new(path), "wb") as file:
        for _, block_THW in source.blocks():
            # A file may hold it along other dimensions first, as longitudes before latitudes.
            values_THW = np.ascontiguousarray(block_THW, np.float32)
            if known is None:
                known = KnownCells(values_THW)
            else:
                known.add(values_THW)
            digest.update(values_THW.data)
            file.write(values_THW.data)
        file.flush()
        os.fsync(file.fileno())
    assert known is not None, "a field has a frame"
    assert known.frames == shape[0], "the source gives every frame"
    values_THW = np.memmap(path, np.float32, "r+", shape=shape)
    if source.judge(values_THW):
        known = _known_cells(values_THW)
    mask_HW = known.valid_cells(min_valid_share, source.header.name)
    filled_T = np.zeros(shape[0], np.float32)
    if known.has_gaps:
        filler, digest = GapFiller(mask_HW, known.first_HW), hashlib.sha256()
        for frames in _blocks(shape):
            block_THW = np.array(values_THW[frames])
            filled_T[frames] = filler.fill(block_THW)
            values_THW[frames] = block_THW
            digest.update(block_THW.data)
        values_THW.flush()
    with os.fdopen(open_new(folder / CELLS), "wb") as file:
        np.savez(file, mask_HW=mask_HW, filled_T=filled_T)
    header = _header(shape) | {
        "values_sha256": digest.hexdigest(),
        "cells_sha256": hashlib.sha256((folder / CELLS).read_bytes()).hexdigest(),
    }
    with os.fdopen(open_new(folder / HEADER), "w", encoding="utf-8") as text:
        json.dump(header, text)
    for name in (CELLS, HEADER, ""):
        _synchronise(folder / name)


def open_series(folder: Path, shape: tuple[int, ...], *, verify: bool) -> FilledValues | None:
    """Return a stored series, None where there is none or it is damaged.

    Args:
        folder: Of the series.
        shape: Frames, rows and columns it must have.
        verify: Whether all values are read and compared with their checksum.

    Raises:
        DataError: If a limit of this process keeps it from opening one that is there.
    """
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        cells = (folder / CELLS).read_bytes()
        if not isinstance(header, dict) or _header(shape).items() - header.items():
            return None
        if hashlib.sha256(cells).hexdigest() != header.get("cells_sha256"):
            return None
        with (folder / VALUES).open("rb") as file:
            if os.fstat(file.fileno()).st_size != bytes_of(shape):
                return None
            # Until the last array of the mapped file is gone; see ``is_in_use``.
            fcntl.flock(file, fcntl.LOCK_SH)
            if verify and hashlib.file_digest(file, "sha256").hexdigest() != header.get(
                "values_sha256"
            ):
                return None
            values_THW = np.memmap(file, np.float32, "r", shape=shape)
        with np.load(folder / CELLS, allow_pickle=False) as arrays:
            return FilledValues(values_THW, arrays["mask_HW"], arrays["filled_T"])
    except OSError as error:
        if error.errno in OF_LIMITS:  # made again it could not be opened either
            raise DataError(
                f"{folder} cannot be opened ({error.strerror}), for which a limit of this process "
                "is too low; raise it with ulimit -v unlimited and ulimit -n 4096"
            ) from error
        return None
    except (ValueError, KeyError):
        return None


def is_in_use(folder: Path) -> bool:
    """Return whether a process has this series opened."""
    try:
        with (folder / VALUES).open("r+b") as file:  # NFS locks nothing else exclusively
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def bytes_of(shape: tuple[int, ...]) -> int:
    """Return the size of the values of a series in its file."""
    return int(np.prod(shape, dtype=np.int64)) * BYTES_A_VALUE


def _header(shape: tuple[int, ...]) -> dict[str, Any]:
    return {"version": VERSION, "shape": "x".join(map(str, shape)), "bytes": sys.byteorder}


def _known_cells(values_THW: FloatArray) -> KnownCells:
    blocks = (np.array(values_THW[frames]) for frames in _blocks(values_THW.shape))
    known = KnownCells(next(blocks))
    for block_THW in blocks:
        known.add(block_THW)
    return known


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    frames = max(1, BLOCK_VALUES // (shape[1] * shape[2]))
    return (slice(first, first + frames) for first in range(0, shape[0], frames))


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
