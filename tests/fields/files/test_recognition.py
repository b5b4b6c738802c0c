"""Files are known by their contents, and what cannot be read is told apart."""

import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files import zarr_zips
from fieldsharp.fields.reading import read_raw
from fieldsharp.fields.settings import DataSettings

VALUES = np.random.default_rng(1).random((6, 3, 4)).astype(np.float32)


def field() -> xr.Dataset:
    return xr.Dataset({"v": (("time", "y", "x"), VALUES)})


def refusal_of(path: Path | str) -> str:
    with pytest.raises(DataError) as refusal:
        read_raw(DataSettings(path=str(path)))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def netcdf4(path: Path) -> None:
    field().to_netcdf(path, engine="h5netcdf")


def netcdf3(path: Path) -> None:
    field().to_netcdf(path, engine="scipy")


def cdf5(path: Path) -> None:
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_DATA") as file:
        for name, size in zip(("time", "y", "x"), VALUES.shape, strict=True):
            file.createDimension(name, size)
        file.createVariable("v", "f4", ("time", "y", "x"))[:] = VALUES


def npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, VALUES)


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, v=VALUES)


def zarr_zip(path: Path, *, inside: str = "") -> None:
    store = path.with_name("store") / (inside or "")
    field().to_zarr(store, zarr_format=3, consolidated=False)
    made = shutil.make_archive(str(path.with_name("made")), "zip", path.with_name("store"))
    Path(made).rename(path)


@pytest.mark.parametrize("name", ["field.dat", "field", "field.nc", "field.npy"])
@pytest.mark.parametrize("write", [netcdf4, netcdf3, cdf5, npy, npz, zarr_zip])
def test_a_file_is_read_whatever_its_suffix_says(
    tmp_path: Path, write: Callable[[Path], None], name: str
) -> None:
    write(tmp_path / name)
    found = read_raw(DataSettings(path=str(tmp_path / name)))
    np.testing.assert_array_equal(found.values_THW, VALUES)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.nc", b"", "cannot be read as .nc: it is empty"),
        ("a.nc", b"\n <!DOCTYPE html><html>", "is a page of HTML"),
        ("a.nc", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.nc", b"plain text", "cannot be read as .nc: it does not begin as such a file does"),
        ("a.hdf", b"\x0e\x03\x13\x01" + bytes(9), "is of HDF 4"),
        ("a.npz", b"PK\x03\x04" + bytes(9), "a zip file without its end, so cut short"),
        ("a.csv", b"1,2,3", "unknown data format '.csv'"),
    ],
)
def test_what_a_file_seems_to_be_is_said(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert expected in refusal_of(tmp_path / name)


def test_a_folder_that_is_no_store_is_refused_with_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "without zarr.json or .zgroup" in refusal_of(tmp_path / "folder")
    field().to_zarr(tmp_path / "folder/inner", zarr_format=3, consolidated=False)
    message = refusal_of(tmp_path / "folder")
    given = message.rpartition("data.path=")[2]
    assert read_raw(DataSettings(path=given)).values_THW.shape == (6, 3, 4)


@pytest.mark.parametrize("records", [False, True])
@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
def test_a_classic_file_cut_by_a_single_byte_is_refused(
    tmp_path: Path, form: Any, records: bool
) -> None:
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.title = "a title"
        file.createDimension("time", None if records else 6)
        for name, size in (("y", 3), ("x", 4)):
            file.createDimension(name, size)
        file.createVariable("time", "f8", ("time",))[:] = np.arange(6)
        variable = file.createVariable("v", "f4", ("time", "y", "x"))
        variable.units, variable[:] = "K", VALUES
    np.testing.assert_array_equal(read_raw(DataSettings(path=str(path))).values_THW, VALUES)
    path.write_bytes(path.read_bytes()[:-1])
    assert "is cut short" in refusal_of(path)


class TestZippedZarr:
    def test_a_store_in_a_folder_of_the_zip_file_is_found(self, tmp_path: Path) -> None:
        zarr_zip(tmp_path / "a.zip", inside="field.zarr")
        found = read_raw(DataSettings(path=str(tmp_path / "a.zip")))
        np.testing.assert_array_equal(found.values_THW, VALUES)

    @pytest.mark.parametrize("name", ["../evil", "/etc/evil", "v\\..\\..\\evil"])
    def test_names_that_lead_outside_are_refused(self, tmp_path: Path, name: str) -> None:
        zarr_zip(tmp_path / "a.zip")
        with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
            archive.writestr(name, "x")
        assert "has a name that leads outside of it" in refusal_of(tmp_path / "a.zip")

    def test_links_are_refused(self, tmp_path: Path) -> None:
        zarr_zip(tmp_path / "a.zip")
        link = zipfile.ZipInfo("v/note")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
            archive.writestr(link, "/etc/passwd")
        assert "'v/note' in the zip file" in refusal_of(tmp_path / "a.zip")

    def test_metadata_of_absurd_size_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        zarr_zip(tmp_path / "a.zip")
        monkeypatch.setattr(zarr_zips, "MOST_METADATA_BYTES", 10)
        assert "describes arrays in more than" in refusal_of(tmp_path / "a.zip")

    def test_a_chunk_that_unpacks_to_more_than_there_is_memory_is_refused(
        self, tmp_path: Path
    ) -> None:
        zarr_zip(tmp_path / "a.zip")
        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            names = archive.namelist()
            kept = {n: archive.read(n) for n in names if n != "v/c/0/0/0"}
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            for name, content in kept.items():
                archive.writestr(name, content)
            archive.writestr("v/c/0/0/0", b"small")
            archive.infolist()[-1].file_size = 2**50  # as its table of contents will say
        assert "GiB of memory" in refusal_of(tmp_path / "b.zip")


def test_references_to_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"version": 1, "refs": {}}))
    assert "lists pieces of other files (kerchunk)" in refusal_of(tmp_path / "a.json")
