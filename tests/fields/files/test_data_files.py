"""The files that ``data.path`` names: as text, their hash, whether they are there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fieldsharp.fields.files.data_files import DataFiles, absolute


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_single_file_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nc", "some")
    expected = hashlib.sha256(b"some").hexdigest()

    assert DataFiles.of(str(path)).sha256() == expected
    assert DataFiles.of((str(path),)).sha256() == expected
    assert DataFiles.of(str(tmp_path / "?.nc")).sha256() == expected


def test_the_hash_of_several_is_of_their_names_and_contents_wherever_they_lie(
    tmp_path: Path,
) -> None:
    for folder in ("here", "there"):
        write(tmp_path / folder / "2001" / "a.nc", "one")
        write(tmp_path / folder / "2002" / "a.nc", "two")
    here = DataFiles.of(str(tmp_path / "here" / "*" / "a.nc"))
    digest = hashlib.sha256()
    for name, content in (("2001/a.nc", b"one"), ("2002/a.nc", b"two")):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\0".encode())

    assert here.sha256() == digest.hexdigest()
    assert DataFiles.of(str(tmp_path / "there" / "*" / "a.nc")).sha256() == here.sha256()
    write(tmp_path / "there" / "2002" / "a.nc", "three")
    assert DataFiles.of(str(tmp_path / "there" / "*" / "a.nc")).sha256() != here.sha256()


def test_they_exist_if_all_do(tmp_path: Path) -> None:
    one = str(write(tmp_path / "a.nc", "one"))

    assert DataFiles.of(one).exist()
    assert DataFiles.of(str(tmp_path / "*.nc")).exist()
    assert not DataFiles.of((one, str(tmp_path / "b.nc"))).exist()
    assert not DataFiles.of(str(tmp_path / "*.grib")).exist()


def test_signs_in_the_name_of_the_folder_are_no_pattern(tmp_path: Path) -> None:
    write(tmp_path / "run1" / "a.nc", "another run")
    path = write(tmp_path / "run[1]" / "a.nc", "this run")

    given = absolute("?.nc", tmp_path / "run[1]")

    assert DataFiles.of(given).locations() == (path,)
    assert DataFiles.of(str(tmp_path / "run[1]" / "*.nc")).locations() == (path,)
    assert DataFiles.of(absolute("../run?/a.nc", tmp_path / "run[1]")).local() == (
        tmp_path / "run1" / "a.nc",
    )
    assert DataFiles.of(absolute("a.nc", tmp_path / "run[1]")).local() == (path,)


def test_they_are_named_in_messages() -> None:
    assert str(DataFiles.of("/data/a.nc")) == "/data/a.nc"
    several = DataFiles.of(("/data/a.nc", "s3://bucket/b.zarr", "/data/c.nc"))
    assert str(several) == "/data/a.nc and 2 more"
    assert several.name == "a.nc and 2 more"


def test_entries_become_absolute_and_addresses_stay(tmp_path: Path) -> None:
    assert absolute("era5/*.nc", tmp_path) == f"{tmp_path}/era5/*.nc"
    assert absolute("/era5/**/[ab]?.nc", tmp_path) == "/era5/**/[ab]?.nc"
    assert absolute("s3://bucket/a.zarr", tmp_path) == "s3://bucket/a.zarr"
    assert absolute("simplecache::https://h/a.zarr", tmp_path) == "simplecache::https://h/a.zarr"
    assert absolute(f"file://{tmp_path}/a.nc", Path("/")) == f"{tmp_path}/a.nc"
