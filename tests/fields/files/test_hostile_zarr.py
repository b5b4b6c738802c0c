"""A Zarr folder may name a codec that unpickles what it reads: it is never asked to."""

import json
import os
import pickle  # noqa: TID251 - to make what must be refused
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.settings import DataSettings

PICKLED = {"dtype": "|O", "filters": [{"id": "vlen-utf8"}, {"id": "pickle", "protocol": 5}]}


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def _array(folder: Path, shape: list[int], dims: list[str], trap: Path, **more: Any) -> None:
    folder.mkdir(parents=True)
    facts = {"zarr_format": 2, "shape": shape, "chunks": shape, "dtype": "<f4", "order": "C"}
    facts |= {"compressor": None, "fill_value": 0, "filters": None} | more
    (folder / ".zarray").write_text(json.dumps(facts))
    (folder / ".zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": dims}))
    (folder / ".".join("0" for _ in shape)).write_bytes(pickle.dumps(Trap(trap)))


@pytest.mark.parametrize("where", ["time", "v"])
@pytest.mark.parametrize(
    "codec", [PICKLED, {"compressor": {"id": "pickle", "protocol": 5}}], ids=["filter", "packed"]
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_a_pickle_in_a_zarr_folder_is_not_unpickled(
    tmp_path: Path, where: str, codec: dict[str, Any]
) -> None:
    path, sprung = tmp_path / "evil.zarr", tmp_path / "sprung"
    path.mkdir()
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    for name, shape, dims in (("v", [3, 4, 4], ["time", "y", "x"]), ("time", [3], ["time"])):
        _array(path / name, shape, dims, sprung, **(codec if name == where else {"fill_value": 1}))
    if where == "v":
        (path / "time/0").unlink()
    with pytest.raises(DataError, match=r"cannot be read as \.zarr|holds object, not real numbers"):
        read_series(DataSettings(path=str(path)))
    assert not sprung.exists()
