"""The sharpener in a run folder: ``sharpener.json`` and ``sharpener.safetensors``.

Of several predicted variables these are of the first; ``sharpener-2.safetensors`` is of the second
in ``data.predict``, and so on.
"""

import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load, save

from fieldsharp.model.sharpeners.fitted import FittedSharpener, make_sharpener
from fieldsharp.model.sharpeners.interface import Region
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.durable_files.regular_files import read_bounded

DESCRIPTION = "sharpener.json"
TENSORS = "sharpener.safetensors"
MOST_BYTES = 2_000_000_000
_PARAMETER = "parameter."
_CLIMATOLOGY = "climatology_CHW"
_MASK = "mask_HW"


def save_sharpener(folder: Path, fitted: FittedSharpener, *regions: Region) -> None:
    """Write a fitted sharpener, with the mask and climatology it works with.

    Args:
        folder: Of the run.
        fitted: On every predicted variable.
        regions: Of each of them.

    Raises:
        OSError: If it cannot be written.
    """
    for position, (one, region) in enumerate(zip(fitted.each(), regions, strict=True), start=1):
        write_durably(folder / _tensors_of(position), save(_content(one, region)))
    description = {
        "name": fitted.name,
        "parameters": {name: list(value.shape) for name, value in fitted.parameters.items()},
    }
    write_durably(folder / DESCRIPTION, (json.dumps(description, indent=2) + "\n").encode())


def _content(fitted: FittedSharpener, region: Region) -> dict[str, torch.Tensor]:
    tensors = {f"{_PARAMETER}{name}": value for name, value in fitted.parameters.items()}
    tensors |= {_CLIMATOLOGY: region.climatology_CHW, _MASK: region.mask_HW.to(torch.uint8)}
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _tensors_of(position: int) -> str:
    """Return the file of a predicted variable, from its position in the settings."""
    return TENSORS.replace(".", f"-{position}.") if position > 1 else TENSORS


def load_sharpener(folder: Path, name: str, horizon: int, variables: int = 1) -> FittedSharpener:
    """Read the sharpener of a run, which its configuration names.

    Args:
        folder: Of the run.
        name: Of the sharpener.
        horizon: Leads of the run.
        variables: How many it predicts.

    Raises:
        OSError, ValueError, LookupError, TypeError, safetensors.SafetensorError: If a run did not
            write it so.
        ConfigError: If the class of the user's cannot be imported.
    """
    found = json.loads(read_bounded(folder / DESCRIPTION, MOST_BYTES))["name"]
    if found != name:
        raise ValueError(f"{DESCRIPTION} is of {str(found)[:50]!r}, the configuration of {name!r}")
    first, *others = (
        _load(folder / _tensors_of(position), name, horizon) for position in range(1, variables + 1)
    )
    return replace(first, others=tuple(others))


def _load(path: Path, name: str, horizon: int) -> FittedSharpener:
    tensors = load(read_bounded(path, MOST_BYTES))
    mask_HW = tensors.pop(_MASK).bool()
    region = Region(mask_HW, tensors.pop(_CLIMATOLOGY).double())
    parameters = {key.removeprefix(_PARAMETER): value for key, value in tensors.items()}
    if any(value.shape[:1] != (horizon,) for value in parameters.values()):
        raise ValueError(f"{path.name} has not one entry for each of the {horizon} leads")
    return FittedSharpener(name, make_sharpener(name, region), parameters, mask_HW)
