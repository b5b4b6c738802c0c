"""The memory that reading needs is compared with the available memory before anything is read."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray as xr

import fieldsharp.core.memory
from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import available_memory, require_memory
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.settings import DataSettings

GIB = 2**30


def machine(folder: Path, available: int, groups: str) -> Path:
    (folder / "self").mkdir(parents=True)
    (folder / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {available // 1024} kB\n")
    (folder / "self/cgroup").write_text(groups)
    return folder


def group(folder: Path, limit: object, used: int, names: tuple[str, str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    stat = f"anon 5\n{names[2]}active_file 100\n{names[2]}inactive_file 200\n"
    (folder / "memory.stat").write_text(stat)


V2 = ("memory.max", "memory.current", "")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")


def test_without_limits_there_is_what_the_machine_has_left(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 4 * GIB, "0::/job\n")
    group(tmp_path / "groups/job", "max", 1000, V2)
    assert available_memory(proc, tmp_path / "groups") == 4 * GIB


@pytest.mark.parametrize("limited", ["job", "job/step"])
def test_the_limit_of_a_control_group_or_of_one_above_it_counts(
    tmp_path: Path, limited: str
) -> None:
    proc = machine(tmp_path / "proc", 4 * GIB, "0::/job/step\n")
    group(tmp_path / "groups/job/step", "max", 1000, V2)
    group(tmp_path / "groups" / limited, GIB, 1000, V2)
    assert available_memory(proc, tmp_path / "groups") == GIB - 1000 + 300


def test_the_limit_of_a_control_group_of_version_1_counts(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 4 * GIB, "5:cpu:/\n4:memory:/not/mounted/here\n0::/\n")
    group(tmp_path / "groups/memory", GIB, 1000, V1)
    assert available_memory(proc, tmp_path / "groups") == GIB - 1000 + 300


def test_processes_take_as_much_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fieldsharp.core.memory, "available_memory", lambda: 3 * GIB)
    require_memory(GIB, "it", processes=3)
    with pytest.raises(
        DataError, match=r"it takes up to 1 GiB in each of 4 .*lower workers\.count"
    ):
        require_memory(GIB, "it", processes=4)


def refusal_of(path: Path) -> str:
    with pytest.raises(DataError) as refusal:
        read_series(DataSettings(path=str(path), variable="v"))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def field() -> xr.Dataset:
    values = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    return xr.Dataset({"v": (("time", "y", "x"), values)})


def dataset_of(path: Path, name: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    """Put a data set into a file that costs it nothing."""
    with h5py.File(path, "a") as file:
        file.create_dataset(name, shape, "f8", chunks=chunks)


def test_a_coordinate_of_a_dimension_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "field.nc"
    field().to_netcdf(path, engine="h5netcdf")
    dataset_of(path, "station", (10**12,), (1000,))
    with h5py.File(path, "a") as file:
        file["station"].make_scale("station")
    assert "coordinate 'station'" in refusal_of(path)
    assert "holds 1000000000000 values and takes up to 1.49e+05 GiB" in refusal_of(path)


def test_a_map_of_coordinates_is_counted_with_the_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "field.nc"
    shape = (2, 2000, 2000)
    data = xr.Dataset({"v": (("time", "y", "x"), np.zeros(shape, np.float32))})
    monkeypatch.setattr(fieldsharp.core.memory, "available_memory", lambda: 2**27)
    data.to_netcdf(path, engine="h5netcdf")
    read_series(DataSettings(path=str(path), variable="v"))
    data.assign_coords(lat=(("y", "x"), np.zeros(shape[1:]))).to_netcdf(path, engine="h5netcdf")
    assert "of memory; cut out" in refusal_of(path)


@pytest.mark.parametrize("name", ["v", "time"])
@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_chunk_is_decoded_as_a_whole_and_counts_as_a_whole(
    tmp_path: Path, suffix: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"field{suffix}"
    data = field().assign_coords(time=np.arange(3))
    chunks = {
        n: tuple(10**7 if n == name and d == "time" else 3 for d in data[n].dims)
        for n in data.variables
    }
    if suffix == ".zarr":
        data.to_zarr(path, zarr_format=2, consolidated=True)
        for metadata in (path / ".zmetadata", path / name / ".zarray"):
            facts = json.loads(metadata.read_text())
            array = facts["metadata"][f"{name}/.zarray"] if "metadata" in facts else facts
            array["chunks"] = chunks[name]
            metadata.write_text(json.dumps(facts))
    else:
        with h5netcdf.File(path, "w") as file:
            file.dimensions = {"time": None, "y": 4, "x": 5}
            file.resize_dimension("time", 3)
            for n, variable in data.variables.items():
                file.create_variable(str(n), variable.dims, "f8", chunks=chunks[n])
    monkeypatch.setattr(fieldsharp.core.memory, "available_memory", lambda: 10**8)
    assert "of memory; cut out a region or a period" in refusal_of(path)


def test_absurdly_many_variables_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "field.nc", "w", libver="latest") as file:
        file.create_dataset("v", (3, 4, 5), "f4")
        for group in range(11):
            below = file.create_group(f"group{group}")
            for number in range(1000):
                below[f"v{number}"] = file["v"]
    assert "holds more than 10000 variables and groups" in refusal_of(tmp_path / "field.nc")


def test_absurdly_large_attributes_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "field.nc", "w", libver="latest") as file:
        file.create_dataset("v", (3, 4, 5), "f4").attrs["note"] = np.zeros(2**22)
    assert "attributes of more than 16 MiB" in refusal_of(tmp_path / "field.nc")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_an_array_shorter_than_its_header_says_is_refused_before_it_is_read(
    tmp_path: Path, suffix: str
) -> None:
    path, npy = tmp_path / f"v{suffix}", tmp_path / "v.npy"
    with npy.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**4, 10**3, 10**2)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(800))
    if suffix == ".npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(npy, "v.npy")
    assert "a header of 8000000000 bytes of values" in refusal_of(path)


MEASURE = """
import json, os, sys
import fieldsharp.core.memory
from fieldsharp.fields import reading
from fieldsharp.fields.files import numpy_files, read_size
import zarr, h5netcdf, xarray
from fieldsharp.fields.settings import DataSettings

def of_process(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

bounds = []
def note(needed, what, processes=1):
    bounds.append(needed + of_process("VmRSS") - base)

for module in (reading, read_size, numpy_files):
    module.require_memory = note
base = 0
reading.read_series(DataSettings(path=sys.argv[1]))
bounds.clear()
base = of_process("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
kept = fieldsharp.fields.reading.read_series(DataSettings(path=sys.argv[2]))
print(json.dumps([of_process("VmHWM") - base, max(bounds)]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for the peak")
@pytest.mark.parametrize(
    "kind",
    [
        "plain.nc",
        "chunks.nc",
        "one_chunk.nc",
        "packed.nc",
        "classic.nc",
        "v.zarr",
        "v.npy",
        "v.npz",
    ],
)
def test_the_bound_is_no_less_than_the_peak_and_not_much_more(tmp_path: Path, kind: str) -> None:
    paths = []
    for frames in (3, 640):
        folder = tmp_path / str(frames)
        folder.mkdir()
        rng = np.random.default_rng(0)
        values = rng.standard_normal((frames, 160, 160)).astype(np.float32)
        data, path = xr.Dataset({"v": (("time", "y", "x"), values)}), folder / kind
        chunk: dict[str, Any] = {
            "chunksizes": (min(frames, 40), 160, 160),
            "zlib": True,
            "complevel": 1,
        }
        pack = {"dtype": "i2", "scale_factor": 0.001, "_FillValue": -32768}
        encoding: dict[str, Any] = {
            "chunks.nc": chunk,
            "one_chunk.nc": chunk | {"chunksizes": values.shape},
            "packed.nc": chunk | pack,
        }.get(kind, {})
        if path.suffix == ".nc":
            if kind == "classic.nc":
                data.to_netcdf(path, engine="scipy")
            else:
                data.to_netcdf(path, engine="h5netcdf", encoding={"v": encoding})
        elif path.suffix == ".zarr":
            data.to_zarr(
                path,
                zarr_format=3,
                encoding={"v": {"chunks": (min(frames, 40), 160, 160)}},
                consolidated=False,
            )
        elif path.suffix == ".npy":
            np.save(path, values)
        else:
            np.savez(path, v=values)
        paths.append(str(path))
    command = [sys.executable, "-W", "ignore", "-c", MEASURE, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, bound = json.loads(done.stdout)
    assert peak <= bound <= 1.5 * peak, f"{peak / values.size:.1f}, {bound / values.size:.1f}"
