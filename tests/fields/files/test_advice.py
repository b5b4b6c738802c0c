"""What an error about a file advises is typed here as it stands, and what it makes is read."""

import bz2
import gc
import gzip
import json
import lzma
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import torch
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.formats import open_dataset
from fieldsharp.fields.reading import read_raw
from fieldsharp.fields.settings import DataSettings

VALUES = np.random.default_rng(1).random((4, 3, 5)).astype(np.float32)
DAYS = np.datetime64("2000-01-01", "ns") + np.arange(4) * np.timedelta64(1, "D")
COMMAND = re.compile(
    r"(?:with|fetch) ((?:python -c|gunzip|bunzip2|unxz|unzip|tar|cp -rL) .+?)(?: and give .*)?$"
)
MADE = re.compile(r'and give (?:data\.path=)?(\S+)$|(?:to_netcdf|numpy\.save)\("([^"]+)"')


def field(**more: object) -> xr.Dataset:
    return xr.Dataset({"v": (("time", "y", "x"), VALUES)}, coords={"time": DAYS, **more})


def netcdf(path: Path, dataset: xr.Dataset | None = None) -> Path:
    (field() if dataset is None else dataset).to_netcdf(path, engine="h5netcdf")
    return path


def packed(open_packed: Callable[..., object], name: str) -> str:
    content = netcdf(Path("a.nc")).read_bytes()
    Path("a.nc").unlink()
    with open_packed(name, "wb") as file:  # type: ignore[attr-defined]
        file.write(content)
    return name


def in_zip() -> str:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.write(netcdf(Path("inner.nc")))
    Path("inner.nc").unlink()
    return "a.zip"


def in_tar() -> str:
    with tarfile.open("a.tar", "w") as archive:
        archive.add(netcdf(Path("inner.nc")))
    Path("inner.nc").unlink()
    return "a.tar"


def tensor() -> str:
    torch.save(torch.from_numpy(VALUES).requires_grad_(), "a.pt")
    return "a.pt"


def tensors() -> str:
    torch.save({"v": torch.from_numpy(VALUES).double(), "epoch": 3}, "a.pth")
    return "a.pth"


def old_tensor() -> str:
    torch.save(torch.from_numpy(VALUES), "a.pt", _use_new_zipfile_serialization=False)
    return "a.pt"


def pattern() -> str:
    netcdf(Path("era_2.nc"), field().isel(time=slice(2, 4)))
    netcdf(Path("era_1.nc"), field().isel(time=slice(0, 2)))
    return "era_*.nc"


def address() -> str:
    Path("far").mkdir()
    return f"file://{netcdf(Path('far/b.nc')).resolve()}"


def references() -> str:
    netcdf(Path("far.nc"), field().drop_vars("time"))
    with h5py.File("far.nc") as file:
        offset = file["v"].id.get_offset()
    facts: dict[str, Any] = {"shape": [4, 3, 5], "chunks": [4, 3, 5], "dtype": "<f4", "order": "C"}
    facts |= {"zarr_format": 2, "compressor": None, "filters": None, "fill_value": None}
    refs = {
        ".zgroup": '{"zarr_format": 2}',
        "v/.zarray": json.dumps(facts),
        "v/.zattrs": '{"_ARRAY_DIMENSIONS": ["time", "y", "x"]}',
        "v/0.0.0": [str(Path("far.nc").resolve()), offset, VALUES.nbytes],
    }
    Path("a.json").write_text(json.dumps({"version": 1, "refs": refs}))
    return "a.json"


def wrong_coordinate() -> str:
    np.savez("a.npz", v=VALUES, time=np.arange(9))
    return "a.npz"


def of_hdf_eos() -> str:
    with h5py.File("a.he5", "w") as file:
        file["HDFEOS/GRIDS/g/Data Fields/v"] = VALUES
    return "a.he5"


def half_months() -> str:
    time = ("time", np.arange(4) + 0.5, {"units": "months since 1990-01-01"})
    return str(netcdf(Path("a.nc"), field(time=time)))


def half_a_day_of_years() -> str:
    time = ("time", np.arange(4) + 0.01, {"units": "years since 1990-01-01"})
    return str(netcdf(Path("a.nc"), field(time=time)))


def out_of_order() -> str:
    return str(netcdf(Path("a.nc"), field().isel(time=[1, 0, 2, 2, 3])))


def out_of_order_in_zarr() -> str:
    field().isel(time=[1, 0, 2, 2, 3]).to_zarr("a.zarr", zarr_format=3, consolidated=False)
    return "a.zarr"


def out_of_order_in_netcdf3() -> str:
    field().isel(time=[1, 0, 2, 2, 3]).to_netcdf("a.nc", engine="scipy")
    return "a.nc"


def out_of_order_in_a_group() -> str:
    field().isel(time=[1, 0, 2, 2, 3]).to_netcdf("a.nc", engine="h5netcdf", group="g")
    return "a.nc"


def day_first() -> str:
    time = ("time", np.arange(4), {"units": "days since 01-02-2003"})
    return str(netcdf(Path("a.nc"), field(time=time)))


def infinite(name: str) -> str:
    values = VALUES.copy()
    values[2, 1, 1] = np.inf
    if name.endswith(".nc"):
        netcdf(Path(name), field().assign(v=(("time", "y", "x"), values)))
    elif name.endswith(".npy"):
        np.save(name, values)
    else:
        np.savez(name, v=values)
    return name


CASES: dict[str, Callable[[], str]] = {
    "gzip": lambda: packed(gzip.open, "a.nc.gz"),
    "gzip under another name": lambda: packed(gzip.open, "b.nc"),
    "bzip2": lambda: packed(bz2.open, "a.nc.bz2"),
    "xz": lambda: packed(lzma.open, "a.nc.xz"),
    "zip": in_zip,
    "tar": in_tar,
    "tensor": tensor,
    "tensors": tensors,
    "tensor of an old version": old_tensor,
    "pattern": pattern,
    "address": address,
    "references": references,
    "coordinate that does not fit": wrong_coordinate,
    "HDF-EOS": of_hdf_eos,
    "half months": half_months,
    "hundredths of years": half_a_day_of_years,
    "out of order": out_of_order,
    "out of order in Zarr": out_of_order_in_zarr,
    "out of order in NetCDF 3": out_of_order_in_netcdf3,
    "out of order in a group": out_of_order_in_a_group,
    "day first": day_first,
    "infinite": lambda: infinite("a.nc"),
    "infinite in .npy": lambda: infinite("a.npy"),
    "infinite in .npz": lambda: infinite("a.npz"),
}
OF_ONE_FILE = ("pattern", "address")
"""Where a single file is read, as by ``evaluate``."""


@pytest.mark.parametrize("case", CASES)
def test_the_command_of_an_error_makes_a_file_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = CASES[case]()
    with pytest.raises(DataError) as refusal:
        _open_or_read(given, case)
    message = str(refusal.value)
    assert "\n" not in message
    found = COMMAND.search(message) or re.search(r"(unzip \S+|tar -xf \S+) and", message)
    assert found, message
    command = found[1]
    tool = command.split()[0]
    if tool != "python" and shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    arguments = shlex.split(command)
    if arguments[:2] == ["python", "-c"]:  # typed in this process, which is quicker
        Path("typed.py").write_text(arguments[2])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpy.run_path("typed.py")
        gc.collect()  # files that it left open
    else:
        subprocess.run(command, shell=True, check=True)  # noqa: S602

    made = MADE.search(message)
    path = next(name for name in made.groups() if name) if made else "inner.nc"
    values = read_raw(DataSettings(path=path)).values_THW
    if case.startswith("infinite"):
        expected = VALUES.copy()
        expected[2, 1, 1] = np.nan
    else:
        expected = VALUES
    np.testing.assert_array_equal(values, expected)


def _open_or_read(given: str, case: str) -> None:
    if case in OF_ONE_FILE:
        open_dataset(Path(given))
    else:
        read_raw(DataSettings(path=given))


def test_a_filter_that_nothing_decodes_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((2, 3, 5))
    created.set_filter(310, h5py.h5z.FLAG_OPTIONAL, ())
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(VALUES.shape)
        h5py.h5d.create(file.id, b"v", h5py.h5t.NATIVE_FLOAT, space, dcpl=created)
        file["v"].attrs["units"] = "K"
    with pytest.raises(
        DataError, match=r"'v' in .* HDF5 filter number 310, which is not installed"
    ):
        read_raw(DataSettings(path=str(path)))


WRITE_PACKED = """
import sys, h5py, hdf5plugin, numpy
values = numpy.load("values.npy")
for name in ("Zstd", "Blosc", "LZ4", "BZip2", "Blosc2", "Bitshuffle"):
    with h5py.File(f"{name}.h5", "w") as file:
        file.create_dataset("v", data=values, chunks=(2, 3, 5), **getattr(hdf5plugin, name)())
"""
READ_PACKED = """
import sys, numpy
from fieldsharp.fields.reading import read_raw
from fieldsharp.fields.settings import DataSettings
assert "hdf5plugin" not in sys.modules
for name in ("Zstd", "Blosc", "LZ4", "BZip2", "Blosc2", "Bitshuffle"):
    found = read_raw(DataSettings(path=f"{name}.h5")).values_THW
    assert (found == numpy.load("values.npy")).all(), name
"""


@pytest.mark.slow
def test_filters_that_h5py_lacks_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "values.npy", VALUES)
    # Processes of their own: a filter that was registered once remains.
    monkeypatch.delenv("HDF5_PLUGIN_PATH", raising=False)  # netCDF4 sets it to filters of its own
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    for code in (WRITE_PACKED, READ_PACKED):
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_szip_is_decoded(tmp_path: Path) -> None:
    values = np.tile(VALUES, (1, 8, 8))
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, size in zip(("time", "y", "x"), values.shape, strict=True):
            file.createDimension(name, size)
        variable = file.createVariable("v", "f4", ("time", "y", "x"), compression="szip")
        variable[:] = values
    found = read_raw(DataSettings(path=str(tmp_path / "a.nc")))
    np.testing.assert_array_equal(found.values_THW, values)
