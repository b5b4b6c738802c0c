"""HDF5 files are refused where they refer to other files.

HDF5 lets a file name other files: external links, external raw storage, virtual data sets and
links of user-defined classes. Whoever reads such a file reads whatever it names.
"""

import json
import math
import shlex
from pathlib import Path

import h5py

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable

MOST_LINKS = 10_000
"""Of all groups of a file together."""
MOST_ATTRIBUTE_BYTES = 16 * 2**20
"""Of all attributes of a file together."""


def require_self_contained(file: h5py.File, path: Path) -> None:
    """Check every group and data set of a file before any value is read.

    Raises:
        DataError: If one of them names another file, or there are absurdly many or large ones.
    """
    pending = [(file.id, "")]
    visited = {_address(file.id)}
    links = attribute_bytes = 0
    while pending:
        item, name = pending.pop()
        attribute_bytes += _attribute_bytes(item)
        if attribute_bytes > MOST_ATTRIBUTE_BYTES:
            raise DataError(
                f"data file {path} holds attributes of more than {MOST_ATTRIBUTE_BYTES >> 20} MiB; "
                f"write the variable without them into a file of its own"
            )
        if isinstance(item, h5py.h5d.DatasetID):
            _require_own_values(item, name, path)
        if not isinstance(item, h5py.h5g.GroupID):
            continue
        group = h5py.h5g.open(item, b"/") if isinstance(item, h5py.h5f.FileID) else item
        links += group.get_num_objs()
        if links > MOST_LINKS:
            raise DataError(
                f"data file {path} holds more than {MOST_LINKS} variables and groups; write the "
                "variable into a file of its own"
            )
        for link in group:
            below = f"{name}/{link.decode(errors='replace')}"
            kind = group.links.get_info(link).type
            if kind == h5py.h5l.TYPE_SOFT:  # a name within the file
                continue
            if kind == h5py.h5l.TYPE_EXTERNAL:
                raise _reads_others(below, path, "is a link to another file")
            if kind != h5py.h5l.TYPE_HARD:
                raise DataError(
                    f"{printable(below)!r} in {path} is a link of a user-defined kind, which may "
                    "lead anywhere; write the file without it"
                )
            child = h5py.h5o.open(group, link)
            if (address := _address(child)) not in visited:
                visited.add(address)
                pending.append((child, below))


def _address(item: h5py.h5g.GroupID) -> int:
    return int(h5py.h5o.get_info(item).addr)


def _attribute_bytes(item: h5py.h5g.GroupID) -> int:
    count = h5py.h5a.get_num_attrs(item)
    if count > MOST_LINKS:
        return MOST_ATTRIBUTE_BYTES + 1
    attributes = (h5py.h5a.open(item, index=index) for index in range(count))
    return sum(math.prod(a.shape or ()) * a.get_type().get_size() for a in attributes)


def _require_own_values(dataset: h5py.h5d.DatasetID, name: str, path: Path) -> None:
    created = dataset.get_create_plist()
    if created.get_layout() == h5py.h5d.VIRTUAL:
        raise _reads_others(name, path, "is a virtual data set, made of other data sets")
    if created.get_external_count() > 0:
        raise _reads_others(name, path, "keeps its values in another file")


def _reads_others(name: str, path: Path, how: str) -> DataError:
    given, whole = json.dumps(str(path)), json.dumps(f"{path.stem}_whole{path.suffix}")
    code = f"import xarray; xarray.open_dataset({given}).load().to_netcdf({whole})"
    return DataError(
        f"variable {printable(name.removeprefix('/'))!r} in {path} {how}, and a data file that "
        "reads other files is refused; if you trust it, write all of it into one file with "
        f"python -c {shlex.quote(code)}"
    )
