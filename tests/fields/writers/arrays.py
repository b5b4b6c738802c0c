"""Arrays of NumPy as people save them."""

from pathlib import Path

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.numbers import FRAMES, LAT, LON, dates, packed, smooth_field, with_sea

DIMS = ("time", "y", "x")


def single(folder: Path) -> Sample:
    values, _ = with_sea(smooth_field(120))
    path = folder / "field.npy"
    np.save(path, values.astype("f4"))
    return Sample(path, Holds(values, None, DIMS))


def big_endian_by_columns(folder: Path) -> Sample:
    values = smooth_field(121)
    path = folder / "field.npy"
    np.save(path, np.asfortranarray(values.astype(">f8")))
    return Sample(path, Holds(values.astype(float), None, DIMS))


def whole_numbers(folder: Path) -> Sample:
    values = packed(122, "u1", 0, 256)
    path = folder / "images.npy"
    np.save(path, values)
    return Sample(path, Holds(values.astype(float), None, DIMS))


def with_axes(folder: Path) -> Sample:
    values = smooth_field(123)
    path = folder / "field.npz"
    np.savez_compressed(path, t2m=values, lat=LAT, lon=LON, time=dates("2020-01-01"))
    holds = Holds(values.astype(float), dates("2020-01-01"), DIMS, undated_too=True)
    return Sample(path, holds)


def several(folder: Path) -> Sample:
    values = smooth_field(124)
    path = folder / "fields.npz"
    np.savez(path, t2m=values, sst=smooth_field(125, (FRAMES, 3, 4)))
    return Sample(path, Holds(values.astype(float), None, DIMS))


def moving_digits(folder: Path) -> Sample:
    path = folder / "mnist.npy"
    np.save(path, packed(126, "u1", 0, 256, (2, 4, 3, 8, 8)))
    return Sample(path, Refused("shape", "five dimensions without names"))


def pickled(folder: Path) -> Sample:
    path = folder / "objects.npz"
    np.savez(path, data=np.array([smooth_field(127), None], dtype=object))
    return Sample(
        path, Refused("(?i)object|pickle|dimension", "Python objects could run code when loaded")
    )


def complex_numbers(folder: Path) -> Sample:
    path = folder / "waves.npy"
    np.save(path, smooth_field(128).astype("c8"))
    return Sample(path, Refused("complex", "complex numbers are no field"))


CASES = (
    WriterCase("NumPy", "single precision with NaN", single),
    WriterCase("NumPy", "big-endian, by columns", big_endian_by_columns),
    WriterCase("NumPy", "bytes", whole_numbers),
    WriterCase("NumPy", "archive with axes beside", with_axes, "t2m"),
    WriterCase("NumPy", "archive of two grids", several, "t2m"),
    WriterCase("NumPy", "five dimensions", moving_digits),
    WriterCase("NumPy", "pickled objects", pickled),
    WriterCase("NumPy", "complex numbers", complex_numbers),
)
