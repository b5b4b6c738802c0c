"""Data given in memory: written to a file, since files are what is read, checked and stored.

So a field has the same numbers whether it is given as an object or as its file.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import ConfigError, DataError, FieldsharpError
from fieldsharp.fields.files.content_hash import file_sha256
from fieldsharp.fields.files.data_files import absolute
from fieldsharp.fields.writing import writable
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.location.paths import given_data_folder

Field = str | os.PathLike[str] | xr.DataArray | xr.Dataset | npt.NDArray[Any]
"""A field as it is given: a file, or an object in memory."""
Data = str | os.PathLike[str] | xr.DataArray | xr.Dataset
"""Data that may be kept: a bare array has no times."""
LINKS = ("grid_mapping", "bounds")
"""What xarray keeps beside the attributes of a variable, and is no form of its values."""
UNNAMED = "field"


class GivenFields:
    """Gives the file of each field of a call; those in memory are written to a folder.

    Errors name such a file by the argument that it was given as.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, str] = {}

    def path(self, argument: str, field: Field) -> Path:
        """Return the file of a field.

        Raises:
            DataError: If it is no field, or cannot be written.
        """
        if isinstance(field, str | os.PathLike):
            return Path(field).expanduser()
        path = self._folder / f"{argument}{'.npy' if isinstance(field, np.ndarray) else '.nc'}"
        self._names[str(path)] = argument
        write_given(argument, field, path)
        return path

    def renamed(self, text: str) -> str:
        """Return the text of an error, with arguments in place of files."""
        for path, argument in self._names.items():
            text = text.replace(path, argument)
        return text.replace(f"{self._folder}/", "")


@contextmanager
def given_fields() -> Iterator[GivenFields]:
    """Have the fields of a call as files for as long as it takes.

    Raises:
        FieldsharpError: The errors of the call, by the names of its arguments.
    """
    with tempfile.TemporaryDirectory(prefix="fieldsharp-") as folder:
        fields = GivenFields(Path(folder))
        try:
            yield fields
        except FieldsharpError as error:
            renamed = fields.renamed(str(error))
            if renamed == str(error):
                raise
            raise type(error)(renamed) from error


def given_path(data: str | os.PathLike[str]) -> str:
    """Return a data file that is given by its path, a pattern or an address as an absolute one."""
    try:
        return absolute(os.fspath(data), Path.cwd())
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"data {data!r} is no path ({error}); give that of a file") from error


@contextmanager
def kept_data(data: xr.DataArray | xr.Dataset, url: str) -> Iterator[Path]:
    """Keep data beside a database, under the hash of its contents; removed if they are refused.

    Raises:
        DataError: If it cannot be written.
    """
    folder = given_data_folder(url)
    try:
        make_private_folder(folder)
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            path = Path(unfinished) / "data.nc"
            write_given("data", data, path)
            kept = folder / f"{file_sha256(path)[:16]}.nc"
            is_new = not kept.exists()
            if is_new:
                path.replace(kept)
    except OSError as error:
        raise DataError(
            f"data cannot be kept in {folder} ({error.strerror or error}); make room, or write it "
            "to a file and give its path"
        ) from error
    try:
        yield kept
    except (ConfigError, DataError):
        if is_new:
            with suppress(OSError):
                kept.unlink()
        raise


def write_given(argument: str, field: Any, path: Path) -> None:
    """Write a field in memory to a file, with all its digits.

    Raises:
        DataError: If it is no field, or holds what no file can hold.
    """
    try:
        if isinstance(field, np.ndarray):
            np.save(path, field, allow_pickle=False)
            return
        if isinstance(field, xr.DataArray):
            field = field.to_dataset(name=UNNAMED if field.name is None else str(field.name))
        if isinstance(field, xr.Dataset):
            _as_written(field).to_netcdf(path, engine="h5netcdf")
            return
    except OSError:
        raise
    except Exception as error:  # of xarray, of any kind
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"{argument} cannot be written to a file to be read from ({type(error).__name__}: "
            f"{reason}); give numbers with plain coordinates, or the path of a file"
        ) from error
    raise DataError(
        f"{argument} must be an xarray DataArray or Dataset, a NumPy array or the path of a file, "
        f"found {type(field).__name__}"
    )


def _as_written(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset that is written as its values are, not in the form of an earlier file."""
    links = {
        name: {link: variable.encoding[link] for link in LINKS if link in variable.encoding}
        for name, variable in dataset.variables.items()
    }
    written = dataset.drop_encoding()
    written.attrs = writable(written.attrs)
    for name, variable in written.variables.items():
        variable.attrs = writable(variable.attrs)
        variable.encoding.update(links[name])
    return written
