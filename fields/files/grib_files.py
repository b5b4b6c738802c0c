"""GRIB files, read with cfgrib; variables of several kinds of level are in groups of that name."""

import json
import shlex
from collections import Counter
from pathlib import Path

import xarray as xr

from fieldsharp.core.checkout import install_command
from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.contents import Contents

OPTIONS = {"indexpath": "", "errors": "raise"}
"""No index is written beside the data, and nothing is left out without a word."""

SAME = ["paramId", "typeOfLevel", "level", "number", "dataDate", "dataTime", "stepRange"]
"""Keys of messages that are of the same frame."""


def open_grib(path: Path) -> Contents:
    """Open a GRIB file; no value is read.

    Raises:
        DataError: If cfgrib is not installed, or two messages are of the same time and level.
    """
    try:
        import cfgrib
    except (ImportError, RuntimeError) as error:  # an extra, or its library is missing
        raise DataError(
            f"data file {path} is a GRIB file, for which something more has to be installed: "
            + install_command("grib")
        ) from error
    _require_single_messages(path)
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


def _require_single_messages(path: Path) -> None:
    """Check that no two messages are of the same variable, level, member and time.

    The library takes the last of them.
    """
    from cfgrib import cfmessage, dataset, messages

    stream = messages.FileStream(str(path), errors="raise")
    index = dataset.open_fileindex(stream, computed_keys=cfmessage.COMPUTED_KEYS, indexpath="")
    doubles = sum(len(same) - 1 for _, same in index.field_ids_index)
    if doubles:
        once = f"{path.stem}_once{path.suffix}"
        code = (
            f'import eccodes as e; f = open({json.dumps(str(path))}, "rb"); '
            f'o = open({json.dumps(once)}, "wb"); s = set(); '
            "[e.codes_write(h, o) for h in iter(lambda: e.codes_grib_new_from_file(f), None) "
            'if (k := tuple(e.codes_get_string(h, n) if e.codes_is_defined(h, n) else "" '
            f"for n in {json.dumps(SAME)})) not in s and not s.add(k)]"
        )
        raise DataError(
            f"{path} holds {doubles} messages of a variable, level and time that another message "
            "is of too, and which of them is right is not certain; keep the first of each with "
            f"python -c {shlex.quote(code)} and give data.path={once}"
        )


def _groups(datasets: list[xr.Dataset]) -> list[str]:
    """Return a name for each part: its kind of level, with the kind of step if two share it."""
    if len(datasets) == 1:
        return [""]
    names = [_shared(dataset, "GRIB_typeOfLevel") or "other" for dataset in datasets]
    levels = [
        f"{float(dataset.coords[name]):g}"
        if name in dataset.coords and dataset.coords[name].ndim == 0
        else ""
        for name, dataset in zip(names, datasets, strict=True)
    ]
    steps = [_shared(dataset, "GRIB_stepType") for dataset in datasets]
    for parts in (levels, steps):
        often = Counter(names)
        names = [
            f"{name}-{part}" if often[name] > 1 and part else name
            for name, part in zip(names, parts, strict=True)
        ]
    often, seen = Counter(names), Counter[str]()
    for index, name in enumerate(names):
        if often[name] > 1:
            seen[name] += 1
            names[index] = f"{name}-{seen[name]}"
    return names


def _shared(dataset: xr.Dataset, attribute: str) -> str:
    return "-".join(sorted({str(v.attrs.get(attribute, "")) for v in dataset.data_vars.values()}))
