"""What a file is, by its first bytes; its suffix counts where they are not known."""

import json
import re
import shlex
import zipfile
from pathlib import Path

from fieldsharp.core.errors import DataError
from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.files.addresses import to_fetch
from fieldsharp.fields.files.zarr_stores import METADATA

SUFFIXES = (
    *(".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5", ".zarr", ".npy", ".npz"),
    *(".grib", ".grib2", ".grb", ".grb2", ".zip"),
)
"""Of files that are read."""
SIGNATURES = {
    b"CDF\x01": "NetCDF 3",
    b"CDF\x02": "NetCDF 3",
    b"CDF\x05": "CDF-5",
    b"\x93NUMPY": "NumPy array",
    b"GRIB": "GRIB",
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x0e\x03\x13\x01": "HDF 4",
    b"\x80\x02\x8a\x0a": "torch",
    b"version https://git-lfs": "Git LFS",
}
"""First bytes of a file."""
HDF5 = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, *(512 * 2**k for k in range(8)))
"""Where the signature of HDF5 may stand, behind bytes of the user."""
UNPACKERS = {"gzip": "gunzip", "bzip2": "bunzip2", "xz": "unxz", "zstd": "unzstd"}
PACKED_SUFFIXES = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz", "zstd": ".zst"}
ADDRESS = re.compile(r"(?:^|/)([a-z][a-z0-9+]*):/+(.+)", re.IGNORECASE)


def require_present(path: Path) -> None:
    """Check that there is a file or folder.

    Raises:
        DataError: If there is none, or it is an address or a pattern.
    """
    if not path.exists():
        raise DataError(_absent(path))
    if not (path.is_file() or path.is_dir()):  # a pipe without a writer would block
        raise DataError(f"data file {path} is no regular file; give a file or a Zarr folder")


def kind_of(path: Path) -> str:
    """Return the kind of a file or folder, a key of ``formats.READERS``.

    Raises:
        DataError: If it is of a kind that is not read, and what can be done about it.
    """
    if path.is_dir():
        if any((path / name).is_file() or (path / name).is_symlink() for name in METADATA):
            return "Zarr"
        raise DataError(_no_store(path))
    kind = _signature(path)
    if kind == "zip":
        kind = _kind_of_zip(path)
    if kind in UNPACKERS:
        raise DataError(f"data file {path} is packed with {kind}; {_unpack(path, kind)}")
    if advice := _refused(path, kind):
        raise DataError(f"data file {path} {advice}")
    return kind


def _absent(path: Path) -> str:
    if address := ADDRESS.search(str(path)):
        scheme, rest = address.groups()
        url = f"{scheme}:///{rest}" if scheme in ("file", "local") else f"{scheme}://{rest}"
        name = Path(rest).name
        return (
            f"{url} is an address, and here data are read from files of this machine; fetch it "
            f"with {to_fetch(url, name)} and give {name}"
        )
    if any(sign in str(path) for sign in "*?["):
        code = (
            f"import glob, xarray; xarray.combine_by_coords([xarray.open_dataset(f) for f in "
            f'glob.glob({json.dumps(str(path))})]).to_netcdf("joined.nc", engine="h5netcdf")'
        )
        return (
            f"data file {path} does not exist, and here one file is read, no pattern of names; "
            f"join the files with python -c {shlex.quote(code)} and give joined.nc"
        )
    return f"data file {path} does not exist; check the path (data.path)"


def _no_store(path: Path) -> str:
    inside = sorted(
        child
        for child in path.iterdir()
        if child.suffix in SUFFIXES or any((child / name).is_file() for name in METADATA)
    )
    what = f"data file {path} cannot be read: it is a folder without zarr.json or .zgroup"
    if inside:
        suffix = inside[0].suffix
        alike = sum(child.suffix == suffix for child in inside) > 1
        given = path / f"*{suffix}" if alike and suffix else inside[0]
        return f"{what}, so no Zarr store; give what is in it, such as data.path={given}"
    return f"{what}, so no Zarr store; give a file, or the folder that holds one of these"


def _signature(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096)
        for offset in HDF5_OFFSETS:
            file.seek(offset)
            if file.read(len(HDF5)) == HDF5:
                return "HDF5"
    for signature, kind in SIGNATURES.items():
        if start.startswith(signature):
            return kind
    if start[257:262] == b"ustar":
        return "tar"
    if path.suffix.lower() in (".grib", ".grib2", ".grb", ".grb2") and b"GRIB" in start:
        return "GRIB"  # behind the heading of a telegram
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    if text.startswith(b"{") and b'"refs"' in start:
        return "references"
    return "" if start else "empty"


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "damaged zip"
    last = {name.rpartition("/")[2] for name in names}
    if not last.isdisjoint(METADATA):
        return "Zarr in a zip file"
    if "data.pkl" in last:
        return "torch"
    if path.suffix.lower() == ".npz" or all(name.endswith(".npy") for name in last if name):
        return "NumPy archive"
    return "zip"


def _unpack(path: Path, kind: str) -> str:
    """Return the command that unpacks a file, and leaves it where it is."""
    if path.suffix.lower() == PACKED_SUFFIXES[kind]:
        command, unpacked = shlex.join([UNPACKERS[kind], "-k", str(path)]), path.with_suffix("")
    else:
        unpacked = path.with_name(f"{path.stem}_unpacked{path.suffix}")
        command = f"{UNPACKERS[kind]} -c < {shlex.quote(str(path))} > {shlex.quote(str(unpacked))}"
    if unpacked.suffix.lower() == ".tar":
        return f"unpack it with {command}"
    return f"unpack it with {command} and give data.path={unpacked}"


def _refused(path: Path, kind: str) -> str:
    """Return why a kind of file is not read and what to do; "" where it is read."""
    file, suffix = shlex.quote(str(path)), path.suffix.lower()
    again = "fetch or write it again"
    reasons = {
        "empty": f"cannot be read as {path.suffix or 'a field'}: it is empty; {again}",
        "damaged zip": f"cannot be read as {path.suffix or 'zip'}: it is a zip file without its "
        f"end, so cut short; {again}",
        "HTML": "is a page of HTML, as sites send in place of a file to those who are not logged "
        "in; log in and fetch the file again",
        "Git LFS": "is not the file itself but a pointer of Git LFS; fetch it with git lfs pull",
        "tar": f"is an archive; unpack it with tar -xf {file} and give the file in it as data.path",
        "zip": f"is a zip file without a Zarr store; unpack it with unzip {file} and give the file "
        "in it as data.path",
        "HDF 4": "is of HDF 4, which is not read; convert it with h4toh5 "
        f"{file} {shlex.quote(path.stem + '.h5')}",
        "references": "lists pieces of other files (kerchunk), and a data file that reads other "
        f"files is refused; if you trust it, write all of it into one file with {_gathered(path)} "
        f"and give data.path={path.stem}_whole.nc",
        "torch": f"is of torch and not read; convert it with {_converted(path)} and give "
        f"data.path={path.stem}.npz",
    }
    if kind in reasons:
        return reasons[kind]
    if kind:
        return ""
    if suffix in (".pt", ".pth"):
        return reasons["torch"]
    if suffix in SUFFIXES:
        return f"cannot be read as {path.suffix}: it does not begin as such a file does; {again}"
    return f"cannot be read: {unknown('data format', path.suffix or path.name, SUFFIXES)}"


def _converted(path: Path) -> str:
    code = (
        f'import numpy, torch; t = torch.load({json.dumps(str(path))}, map_location="cpu", '
        'weights_only=True); t = t if isinstance(t, dict) else {"field": t}; '
        f"numpy.savez({json.dumps(path.stem + '.npz')}, "
        "**{k: v.detach().double().numpy() for k, v in t.items() if torch.is_tensor(v)})"
    )
    return f"python -c {shlex.quote(code)}"


def _gathered(path: Path) -> str:
    code = (
        'import xarray; xarray.open_zarr("reference://", consolidated=False, '
        f'storage_options={{"fo": {json.dumps(str(path))}}}).load().to_netcdf('
        f'{json.dumps(path.stem + "_whole.nc")}, engine="h5netcdf")'
    )
    return f"python -c {shlex.quote(code)}"
