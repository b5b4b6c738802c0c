"""Filters of HDF5 that h5py itself lacks, such as zstd and blosc."""

from pathlib import Path

import h5py

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable

NAMES = {
    4: "szip",
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}
"""Of filters that are often used, by the number that is registered for them."""


def require_filters(dataset: h5py.Dataset, path: Path) -> None:
    """Make the filters of a data set available, with those of ``hdf5plugin`` where needed.

    Raises:
        DataError: If there is a filter that nothing here decodes.
    """
    if _lacking(dataset):
        # Registers its filters with the HDF5 library; imported only here, since it takes time.
        import hdf5plugin  # noqa: F401
    if lacking := _lacking(dataset):
        raise DataError(
            f"variable {printable(dataset.name.strip('/'))!r} in {path} is packed with the HDF5 "
            f"filter {' and '.join(lacking)}, which is not installed here; set HDF5_PLUGIN_PATH to "
            "the folder of its plug-in, or write the file again with zlib where it can be read, "
            f"with h5repack -f GZIP=4 {path.name} {path.stem}_zlib{path.suffix}"
        )


def _lacking(dataset: h5py.Dataset) -> list[str]:
    created = dataset.id.get_create_plist()
    filters = [created.get_filter(index) for index in range(created.get_nfilters())]
    return [
        NAMES.get(number) or printable(name.decode(errors="replace")) or f"number {number}"
        for number, _, _, name in filters
        if not h5py.h5z.filter_avail(number)
    ]
