"""Forecasts and truths of a script as arrays with axes that its settings name."""

from pathlib import Path

import torch
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import require_memory
from fieldsharp.fields.array_axes import NamedArray
from fieldsharp.fields.files.whole_arrays import pick, read_array
from fieldsharp.model.checkpoint import load_tensors
from fieldsharp.sweep.configuration.script_results import TORCH_SUFFIXES, FieldFile


def open_array(path: Path, file: FieldFile, setting: str, variable: str | None) -> NamedArray:
    """Return one array of a file with the axes that the settings name.

    Args:
        path: The file.
        file: What the settings say of it.
        setting: Their name, for errors.
        variable: Name of the array where they name none.

    Raises:
        DataError: If it cannot be read or is not there.
    """
    assert file.axes is not None, "called for arrays with axes only"
    key = file.key or variable
    array = (_of_torch if path.suffix.lower() in TORCH_SUFFIXES else read_array)(path, key)
    select = {axis: int(index) for axis, index in file.select.items()}
    return NamedArray(array, file.axes, select, setting, path.name)


def _of_torch(path: Path, key: str | None) -> xr.DataArray:
    tensors = load_tensors(path)
    if list(tensors) == [""]:
        if key is not None:
            raise DataError(f"{path} holds one tensor without a name; leave the key out")
        name, tensor = path.stem, tensors[""]
    else:
        name = pick(list(tensors), key, path)
        tensor = tensors[name]
    if tensor.is_complex():
        raise DataError(f"the tensor in {path} holds complex numbers; write real ones")
    require_memory(tensor.numel() * 8, str(path))  # a file of a few bytes can declare any size
    values = tensor.to_dense().to(torch.float64).numpy()
    return xr.DataArray(values, dims=[f"dim_{n}" for n in range(values.ndim)], name=name)
