"""A file of each kind of writer, cut in two along time, gives the field of the whole file."""

from __future__ import annotations

import warnings
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.recognition import kind_of
from fieldsharp.fields.reading import RawField, read_raw
from fieldsharp.fields.settings import DataSettings
from tests.fields.writers.case import Holds, WriterCase
from tests.fields.writers.test_files_of_writers import CASES


def _whole(path: Path, case: WriterCase) -> RawField:
    settings = DataSettings(path=str(path), variable=case.variable, select=dict(case.select))
    try:
        field = read_raw(settings)
    except DataError:
        pytest.skip("refused, or of no single field")
    if not field.has_time or len(field.time) < 2:
        pytest.skip("without times")
    return field


def _cut(whole: netCDF4.Dataset, half: netCDF4.Dataset, dim: str, part: slice) -> None:
    """Copy some frames of all variables as they are stored."""
    half.setncatts({name: whole.getncattr(name) for name in whole.ncattrs()})
    for name, dimension in whole.dimensions.items():
        length = len(dimension)
        frames = len(range(*part.indices(length)))
        half.createDimension(name, frames if name == dim else length)
    for name, variable in whole.variables.items():
        attrs = {key: variable.getncattr(key) for key in variable.ncattrs()}
        fill = attrs.pop("_FillValue", None)
        copied = half.createVariable(name, variable.dtype, variable.dimensions, fill_value=fill)
        copied.setncatts(attrs)
        for one in (variable, copied):
            one.set_auto_maskandscale(False)
            one.set_auto_chartostring(False)
        copied[...] = variable[tuple(part if d == dim else slice(None) for d in copied.dimensions)]


def _write_halves(path: Path, field: RawField) -> None:
    """Write the earlier and the later frames into a file each; the later one sorts first."""
    with netCDF4.Dataset(path) as whole:
        name = str(field.array.name)
        if whole.groups or name not in whole.variables:
            pytest.skip("in a group")
        frames = len(field.time)
        along = [d for d in whole[name].dimensions if len(whole.dimensions[d]) == frames]
        along = [dim for dim in along if dim not in field.dims[1:]]
        if len(along) != 1:
            pytest.skip("no dimension that is certainly of frames")
        for part, frames_of_part in (("b", slice(0, frames // 2)), ("a", slice(frames // 2, None))):
            to = path.with_name(f"cut_{part}.nc")
            with netCDF4.Dataset(to, "w", format=whole.data_model) as half:
                _cut(whole, half, along[0], frames_of_part)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_halves_are_joined_to_the_whole(tmp_path: Path, case: WriterCase) -> None:
    if case.needs:
        pytest.skip("of a format that is not cut here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sample = case.write(tmp_path)
        if not isinstance(sample.expected, Holds):
            pytest.skip("refused")
        if kind_of(sample.path) not in ("NetCDF 3", "HDF5", "CDF-5"):
            pytest.skip("neither NetCDF nor HDF5")
        field = _whole(sample.path, case)
        _write_halves(sample.path, field)

    settings = DataSettings(
        path=str(tmp_path / "cut_[ab].nc"), variable=case.variable, select=dict(case.select)
    )
    joined = read_raw(settings)

    np.testing.assert_allclose(joined.values_THW, field.values_THW, rtol=1e-6)
    np.testing.assert_array_equal(joined.time, field.time)
    assert joined.array.attrs.get("units") == field.array.attrs.get("units")
    assert joined.grid.coords.keys() == field.grid.coords.keys()
