"""A data file that reads other files is refused, and so is one that would be waited for."""

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.zarr_stores import OwnFilesStore
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.settings import DataSettings

FRAMES = 6
pytestmark = pytest.mark.filterwarnings("ignore:Failed to open Zarr store:RuntimeWarning")


def field() -> xr.Dataset:
    values = np.random.default_rng(0).random((FRAMES, 3, 4), dtype=np.float32)
    return xr.Dataset(
        {"v": (("time", "y", "x"), values)}, coords={"time": np.arange(FRAMES), "y": np.arange(3.0)}
    )


def refusal_of(path: Path) -> str:
    with pytest.raises(DataError) as refusal:
        read_series(DataSettings(path=str(path), variable="v"))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def virtual(shape: tuple[int, ...], source: Path, name: str) -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(str(source), name, shape)
    return layout


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.nc"
    field().to_netcdf(path, engine="h5netcdf")
    return path


@pytest.mark.parametrize("name", ["v", "time", "group/v"])
@pytest.mark.parametrize("kind", ["external", "virtual", "link"])
def test_values_of_another_file_are_refused_and_the_advice_brings_them_in(
    tmp_path: Path, secret: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, shape = tmp_path / "field.nc", field()[name[-1] if "/" in name else name].shape
    field().to_netcdf(path, engine="h5netcdf")
    with h5py.File(path, "a") as file:
        file.require_group("group")
        scales = list(file["v"].dims) if name == "v" else []
        if name in file:
            del file[name]
        if kind == "link":
            file[name] = h5py.ExternalLink(str(secret), name.rpartition("/")[2])
        elif kind == "virtual":
            file.create_virtual_dataset(name, virtual(shape, secret, name.rpartition("/")[2]))
        else:
            (tmp_path / "raw").write_bytes(bytes(4 * int(np.prod(shape))))
            outside = [(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)]
            file.create_dataset(name, shape, "f4", external=outside)
        if kind != "link" and scales:
            for axis, scale in enumerate(("time", "y", "x")):
                file[name].dims[axis].attach_scale(file[scale])

    message = refusal_of(path)

    assert f"variable {name!r} in {path} " in message
    if name != "v":  # without its time, the file is not one to be read
        return
    monkeypatch.chdir(tmp_path)
    command = shlex.split(message[message.index("python -c") :])
    subprocess.run([sys.executable, *command[1:]], check=True, capture_output=True)
    with h5py.File(tmp_path / "field_whole.nc") as whole:
        assert isinstance(whole["v"], h5py.Dataset)
        assert not whole["v"].is_virtual
        assert not whole["v"].external


def test_a_virtual_data_set_on_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "field.nc", "w") as file:
        file.create_virtual_dataset("v", virtual((6, 3, 4), tmp_path / "pipe", "v"))
    assert "is a virtual data set" in refusal_of(tmp_path / "field.nc")


def test_a_soft_link_leads_nowhere_else_and_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "field.nc"
    field().to_netcdf(path, engine="h5netcdf")
    with h5py.File(path, "a") as file:
        file["w"] = h5py.SoftLink("/v")
    assert read_series(DataSettings(path=str(path), variable="w")).name == "w"


def test_groups_that_hold_each_other_are_looked_at_once(tmp_path: Path) -> None:
    path = tmp_path / "field.nc"
    field().to_netcdf(path, engine="h5netcdf")
    with h5py.File(path, "a") as file:
        file.create_group("a")["again"] = file["/"]
    assert read_series(DataSettings(path=str(path), variable="v")).name == "v"


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("what", ["chunk", "metadata", "array", "unrelated"])
def test_a_link_in_a_zarr_store_is_refused_and_the_advice_copies_what_it_leads_to(
    tmp_path: Path, zarr_format: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "field.zarr"
    field().to_zarr(path, zarr_format=zarr_format, consolidated=False)
    if what == "unrelated":
        (tmp_path / "outside").write_text("secret")
        (path / "v/note").symlink_to(tmp_path / "outside")
    else:
        chunk = {2: "v/0.0.0", 3: "v/c/0/0/0"}[zarr_format]
        metadata = {2: "v/.zarray", 3: "v/zarr.json"}[zarr_format]
        inside = path / {"chunk": chunk, "metadata": metadata, "array": "v"}[what]
        inside.rename(tmp_path / "outside")
        inside.symlink_to(tmp_path / "outside")

    message = refusal_of(path)

    assert re.search(r"'[^']+' in the Zarr store .*field\.zarr is a link", message)
    monkeypatch.chdir(tmp_path)
    subprocess.run(shlex.split(message[message.index("cp -rL") :]), check=True)
    whole = read_series(DataSettings(path=str(tmp_path / "field_whole.zarr"), variable="v"))
    np.testing.assert_array_equal(whole.values_TCHW[:, 0], field()["v"].values)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_a_chunk_that_is_no_regular_file_is_refused_and_not_waited_for(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "field.zarr"
    field().to_zarr(path, zarr_format=3, consolidated=False)
    chunk = path / "v/c/0/0/0"
    chunk.unlink()
    monkeypatch.chdir(chunk.parent)  # the name of a socket is short
    if kind == "pipe":
        os.mkfifo(chunk)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            end.bind("0")
    else:
        try:
            os.mknod(chunk, 0o020666, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root makes devices")
    assert "'v/c/0/0/0' in the Zarr store" in refusal_of(path)


@pytest.mark.parametrize("at", ["v/c/0/0/0", "v/c", "v"])
def test_a_link_put_into_a_store_while_it_is_read_is_refused(tmp_path: Path, at: str) -> None:
    path = tmp_path / "field.zarr"
    field().to_zarr(path, zarr_format=3, consolidated=False)
    store: Any = OwnFilesStore(path, read_only=True)
    with xr.open_dataset(store, engine="zarr") as dataset:
        (path / at).rename(tmp_path / "outside")
        (path / at).symlink_to(tmp_path / "outside")
        with pytest.raises(DataError, match="is a link"):
            dataset["v"].load()


def test_a_store_never_reaches_outside_of_itself(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "zarr.json").write_text("secret")
    with pytest.raises(DataError, match="outside of it"):
        OwnFilesStore(tmp_path / "store", read_only=True).get_sync("../zarr.json")


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_the_data_may_themselves_be_reached_over_a_link(tmp_path: Path, suffix: str) -> None:
    real, link = tmp_path / f"real{suffix}", tmp_path / f"link{suffix}"
    if suffix == ".nc":
        field().to_netcdf(real, engine="h5netcdf")
    else:
        field().to_zarr(real, zarr_format=3, consolidated=False)
    link.symlink_to(real)
    assert read_series(DataSettings(path=str(link), variable="v")).name == "v"
