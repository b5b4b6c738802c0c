"""GRIB files, written with eccodes and compared with what it reads of them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import RawField, read_raw
from fieldsharp.fields.settings import DataSettings

pytest.importorskip("cfgrib")
eccodes = pytest.importorskip("eccodes")
ROWS, COLUMNS = 3, 4
GRID = {
    "Ni": COLUMNS,
    "Nj": ROWS,
    "latitudeOfFirstGridPointInDegrees": 52.0,
    "latitudeOfLastGridPointInDegrees": 50.0,
    "longitudeOfFirstGridPointInDegrees": 10.0,
    "longitudeOfLastGridPointInDegrees": 13.0,
    "iDirectionIncrementInDegrees": 1.0,
    "jDirectionIncrementInDegrees": 1.0,
}


def write(path: Path, *messages: dict[str, Any]) -> Path:
    """Write a message for each mapping of keys, with random values."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for keys in messages:
            handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
            for key, value in {**GRID, "dataTime": 0, "bitsPerValue": 24, **keys}.items():
                eccodes.codes_set(handle, key, value)
            eccodes.codes_set_values(handle, 280 + rng.random(ROWS * COLUMNS))
            eccodes.codes_write(handle, file)
            eccodes.codes_release(handle)
    return path


def stored(path: Path) -> list[np.ndarray[Any, Any]]:
    """The values of each message by eccodes."""
    values = []
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            values.append(eccodes.codes_get_values(handle).reshape(ROWS, COLUMNS))
            eccodes.codes_release(handle)
    return values


def days(**keys: Any) -> list[dict[str, Any]]:
    return [{"dataDate": 20200101 + day, **keys} for day in range(3)]


def read(path: Path, **more: Any) -> RawField:
    return read_raw(DataSettings.model_validate({"path": str(path), **more}))


@pytest.mark.parametrize("name", ["a.grib2", "a.grb", "without_suffix"])
def test_values_places_and_times_are_those_of_the_messages(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, *days(shortName="2t"))
    found = read(path)
    # Single precision, as cfgrib reads.
    np.testing.assert_array_equal(found.values_THW, np.array(stored(path), dtype=np.float32))
    assert found.array.name == "t2m"
    assert found.array.attrs["units"] == "K"
    expected = np.datetime64("2020-01-01", "ns") + np.arange(3) * np.timedelta64(1, "D")
    np.testing.assert_array_equal(found.time, expected)
    assert found.grid["latitude"].values.tolist() == [52.0, 51.0, 50.0]
    assert found.grid["longitude"].values.tolist() == [10.0, 11.0, 12.0, 13.0]
    assert [file.name for file in tmp_path.iterdir()] == [name]  # no index beside it


def test_variables_of_several_levels_are_chosen_by_the_names_that_are_listed(
    tmp_path: Path,
) -> None:
    level = {"typeOfLevel": "isobaricInhPa", "shortName": "t"}
    path = write(
        tmp_path / "a.grib2",
        *days(shortName="2t"),
        *days(shortName="10u"),
        *days(**level, level=850),
        *days(**level, level=500),
        *days(shortName="t", typeOfLevel="surface", level=0),
    )
    messages = np.array(stored(path), dtype=np.float32)
    with pytest.raises(DataError, match=r"choose one with data\.variable=heightAboveGround-10/u10"):
        read(path)
    with pytest.raises(DataError, match=r"'t' is in several groups .*: isobaricInhPa/t, surface/t"):
        read(path, variable="t")
    for chosen, first in (
        ({"variable": "t2m"}, 0),
        ({"variable": "heightAboveGround-10/u10"}, 3),
        ({"variable": "isobaricInhPa/t", "select": {"isobaricInhPa": 500}}, 9),
    ):
        found = read(path, **chosen)
        np.testing.assert_array_equal(found.values_THW, messages[first : first + 3])


def test_two_messages_of_the_same_frame_are_refused_and_the_advice_keeps_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = days(shortName="2t")
    path = write(tmp_path / "a.grib2", *frames, frames[1])
    with pytest.raises(DataError, match="holds 1 messages of a variable, level and time") as error:
        read(path)
    command = shlex.split(str(error.value).partition("python -c ")[2].rpartition(" and give")[0])
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-c", *command], check=True)
    found = read(tmp_path / "a_once.grib2")
    np.testing.assert_array_equal(found.values_THW, np.array(stored(path)[:3], dtype=np.float32))


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.grib2", *days(shortName="2t"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="may be cut short"):
        read(path)


def test_without_cfgrib_the_file_with_the_requirement_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.grib2", *days(shortName="2t"))
    monkeypatch.setitem(sys.modules, "cfgrib", None)
    with pytest.raises(DataError, match=r"python -m pip install -r requirements-grib\.txt"):
        read(path)


def test_files_of_a_pattern_are_joined_and_no_index_is_written(tmp_path: Path) -> None:
    later = write(tmp_path / "a.grib", *[{"dataDate": 20200104 + day} for day in range(2)])
    earlier = write(tmp_path / "b.grib", *days())

    field = read_raw(DataSettings(path=str(tmp_path / "*.grib")))

    both = [*stored(earlier), *stored(later)]
    np.testing.assert_allclose(field.values_THW, both, rtol=1e-7)  # single precision
    np.testing.assert_array_equal(
        field.time, np.arange("2020-01-01", "2020-01-06", dtype="datetime64[D]")
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.grib", "b.grib"]
