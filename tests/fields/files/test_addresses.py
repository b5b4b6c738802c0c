"""Zarr stores at addresses: in memory, on this machine and over HTTP."""

from __future__ import annotations

import importlib.util
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
import xarray as xr
import zarr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.addresses import Address
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.reading import read_raw
from fieldsharp.fields.settings import DataSettings


class _Handler(SimpleHTTPRequestHandler):
    """Gives files, and no listing of folders, as object stores do."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def list_directory(self, path: str) -> None:  # type: ignore[override]
        """Refuse."""
        del path
        self.send_error(403)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the test's folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def in_memory(humidity: xr.Dataset) -> Iterator[str]:
    """The address of a store in this process."""
    humidity.to_zarr("memory://bucket/hus.zarr", zarr_format=2, consolidated=True)
    yield "memory://bucket/hus.zarr"
    fsspec.filesystem("memory").store.clear()


def write_zarr(dataset: xr.Dataset, store: str | Path, version: int, consolidated: bool) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
        chunks = {"hus": {"chunks": (3, 5, 6)}}
        dataset.to_zarr(
            store, zarr_format=version, consolidated=consolidated, encoding=chunks, mode="w"
        )


def refusal_of(address: str) -> str:
    with pytest.raises(DataError) as refusal:
        read_raw(DataSettings(path=address))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("version", [2, 3])
def test_a_store_of_a_file_system_of_fsspec_is_read(
    humidity: xr.Dataset, version: int, consolidated: bool
) -> None:
    address = f"memory://bucket/{version}-{consolidated}.zarr"
    write_zarr(humidity, address, version, consolidated)

    field = read_raw(DataSettings(path=address, variable="hus"))

    np.testing.assert_array_equal(field.values_THW, humidity["hus"].values)
    np.testing.assert_array_equal(field.time, humidity["time"].values)
    assert field.array.attrs["units"] == "g kg-1"


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("chain", ["", "simplecache::"])
def test_a_store_on_a_web_server_is_read(
    humidity: xr.Dataset, tmp_path: Path, served: str, version: int, chain: str
) -> None:
    write_zarr(humidity, tmp_path / "hus.zarr", version, consolidated=True)
    address = f"{chain}{served}/hus.zarr"

    field = read_raw(DataSettings(path=address, variable="hus"))

    np.testing.assert_array_equal(field.values_THW, humidity["hus"].values)
    before = DataFiles.of(address).sha256()
    assert before == DataFiles.of(address).sha256()
    assert DataFiles.of(address).exist()
    assert not DataFiles.of(f"{served}/nothing.zarr").exist()
    assert f"there is no Zarr store at {served}/nothing.zarr" in refusal_of(
        f"{served}/nothing.zarr"
    )


def test_a_store_that_nobody_lists_needs_consolidated_metadata(
    humidity: xr.Dataset, tmp_path: Path, served: str
) -> None:
    write_zarr(humidity, tmp_path / "hus.zarr", 2, consolidated=False)

    message = refusal_of(f"{served}/hus.zarr")

    assert "has no consolidated metadata" in message
    zarr.consolidate_metadata(tmp_path / "hus.zarr")  # what it advises
    field = read_raw(DataSettings(path=f"{served}/hus.zarr", variable="hus"))
    np.testing.assert_array_equal(field.values_THW, humidity["hus"].values)


def test_addresses_and_files_are_joined(
    humidity: xr.Dataset, tmp_path: Path, in_memory: str
) -> None:
    later = humidity.assign_coords(time=humidity["time"] + np.timedelta64(8, "D"))
    later.to_netcdf(tmp_path / "later.nc", engine="h5netcdf")

    field = read_raw(DataSettings(path=(str(tmp_path / "later.nc"), in_memory)))

    twice = np.concatenate([humidity["hus"].values] * 2)
    np.testing.assert_array_equal(field.values_THW, twice)
    assert DataFiles.of((str(tmp_path / "later.nc"), in_memory)).exist()


def test_files_of_this_machine_have_addresses_too(humidity: xr.Dataset, tmp_path: Path) -> None:
    humidity.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    humidity.to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=False)

    for name in ("a.nc", "a.zarr"):
        field = read_raw(DataSettings(path=f"file://{tmp_path}/{name}"))
        np.testing.assert_array_equal(field.values_THW, humidity["hus"].values)
        assert DataFiles.of(f"file://{tmp_path}/{name}").exist()


def test_the_hash_is_of_metadata_and_chunks(humidity: xr.Dataset, in_memory: str) -> None:
    files = DataFiles.of(in_memory)
    before = files.sha256()
    assert files.sha256() == before

    humidity["hus"].values[3, 2, 1] += 1.0
    humidity.to_zarr(in_memory, zarr_format=2, consolidated=True, mode="w")
    chunk = files.sha256()
    humidity["hus"].attrs["units"] = "kg kg-1"
    humidity.to_zarr(in_memory, zarr_format=2, consolidated=True, mode="w")

    assert len({before, chunk, files.sha256()}) == 3


def test_a_missing_package_is_named() -> None:
    if importlib.util.find_spec("s3fs") is None:
        message = refusal_of("s3://bucket/era5.zarr")
        assert "needs the package s3fs" in message
        assert message.endswith("install it with python -m pip install s3fs")
    assert "cannot be opened" in refusal_of("nosuchprotocol://bucket/era5.zarr")


def test_what_is_no_store_is_refused_with_the_command_that_fetches_it(
    humidity: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    humidity.to_netcdf(tmp_path / "far.nc", engine="h5netcdf")
    with fsspec.open("memory://bucket/hus.nc", "wb") as file:
        file.write((tmp_path / "far.nc").read_bytes())
    monkeypatch.chdir(tmp_path)

    message = refusal_of("memory://bucket/hus.nc")

    assert "there is no Zarr store at memory://bucket/hus.nc" in message
    assert message.endswith("and give data.path=hus.nc")
    code = message.partition("python -c '")[2].partition("'")[0]
    exec(compile(code, "typed", "exec"), {})  # noqa: S102 - the program's own advice
    field = read_raw(DataSettings(path="hus.nc"))
    np.testing.assert_array_equal(field.values_THW, humidity["hus"].values)


def test_references_passwords_and_patterns_are_refused() -> None:
    assert "a data file that reads other files is refused" in refusal_of("reference://x.json")
    assert "reads other files" in refusal_of("simplecache::reference::memory://x.json")
    message = refusal_of("ftp://me:secret@host/a.zarr")
    assert "secret" not in message
    assert "ftp://host/a.zarr" in message
    assert "a pattern at an address" in refusal_of("s3://bucket/*.zarr")


@pytest.mark.parametrize(
    ("url", "name", "stem", "suffix"),
    [
        ("s3://bucket/era5.zarr/", "era5.zarr", "era5", ".zarr"),
        ("https://host/a/b.zarr?token=x/y", "b.zarr", "b", ".zarr"),
    ],
)
def test_the_parts_of_an_address(url: str, name: str, stem: str, suffix: str) -> None:
    address = Address(url)
    assert (address.name, address.stem, address.suffix) == (name, stem, suffix)
