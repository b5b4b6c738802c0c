"""GRIB files, read with cfgrib; variables of several kinds of level are in groups of that name."""

from collections import Counter
from pathlib import Path

import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.contents import Contents

OPTIONS = {"indexpath": "", "errors": "raise"}
"""No index is written beside the data, and nothing is left out without a word."""


def open_grib(path: Path) -> Contents:
    """Open a GRIB file; no value is read.

    Raises:
        DataError: If cfgrib is not installed, or two messages are of the same time and level.
    """
    try:
        import cfgrib
    except ImportError as error:  # an extra that is seldom needed
        raise DataError(
            f"data file {path} is a GRIB file, for which something more has to be installed: "
            "python -m pip install -r requirements-grib.txt"
        ) from error
    datasets = [
        dataset.drop_encoding()
        for dataset in cfgrib.open_datasets(str(path), backend_kwargs=dict(OPTIONS))
    ]
    if not datasets:
        raise ValueError("it holds no message")
    by_group = dict(zip(_groups(datasets), datasets, strict=True))
    ranks = {
        group: {str(name): dataset[name].ndim for name in dataset.data_vars}
        for group, dataset in by_group.items()
    }
    return Contents({"": {}, **ranks}, lambda group, _: by_group[group], lambda: None)


def _groups(datasets: list[xr.Dataset]) -> list[str]:
    """Return a name for each part: its kind of level, with the kind of step if two share it."""
    if len(datasets) == 1:
        return [""]
    names = [_shared(dataset, "GRIB_typeOfLevel") or "other" for dataset in datasets]
    for attribute in ("GRIB_stepType", "GRIB_dataType"):
        often = Counter(names)
        names = [
            f"{name}-{_shared(dataset, attribute)}" if often[name] > 1 else name
            for name, dataset in zip(names, datasets, strict=True)
        ]
    often, seen = Counter(names), Counter[str]()
    for index, name in enumerate(names):
        if often[name] > 1:
            seen[name] += 1
            names[index] = f"{name}-{seen[name]}"
    return names


def _shared(dataset: xr.Dataset, attribute: str) -> str:
    return "-".join(sorted({str(v.attrs.get(attribute, "")) for v in dataset.data_vars.values()}))
