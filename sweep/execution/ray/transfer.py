"""Transfers code and data to the nodes of a Ray cluster."""

import os
import re
import shutil
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import requires, version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fieldsharp.core.checkout import IS_CHECKOUT, PACKAGE, PROJECT
from fieldsharp.core.errors import ConfigError
from fieldsharp.core.working_folder import search_working_folder
from fieldsharp.sweep.configuration.settings import SweepConfig

CONSTRAINTS = "constraints.txt"
_EXCLUDED = shutil.ignore_patterns("__pycache__", "*.pyc")


@contextmanager
def worker_environment(config: SweepConfig) -> Iterator[dict[str, Any]]:
    """Give Ray's ``runtime_env`` of the workers; the staged code exists within the context.

    Raises:
        ConfigError: If a module of the user is missing.
    """
    with _staged_code(config.plugins) as folder:
        environment: dict[str, Any] = {"working_dir": str(folder)}
        if config.ray.packages == "requirements":
            environment["pip"] = str(_staged_requirements(folder))
        yield environment


def _staged_requirements(folder: Path) -> Path:
    """Add the requirements of a sweep to the staged code, with their constraints.

    Ray writes the lines of a requirements file to a file elsewhere on the node; pip replaces the
    variable by the folder of the staged code on that node.
    """
    file = folder / "requirements.txt"
    if not IS_CHECKOUT:
        file.write_text("".join(f"{line}\n" for line in installed_requirements()), encoding="utf-8")
        return file
    shutil.copy(PROJECT / CONSTRAINTS, folder)
    requirements = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    on_node = f"-c ${{RAY_RUNTIME_ENV_CREATE_WORKING_DIR}}/{CONSTRAINTS}"
    file.write_text(requirements.replace(f"-c {CONSTRAINTS}", on_node), encoding="utf-8")
    return file


def installed_requirements() -> list[str]:
    """Return what the installed package requires, in the versions that are installed here."""
    required = [one for one in requires("fieldsharp") or [] if "extra ==" not in one]
    names = [match[0] for one in required if (match := re.match(r"[\w.-]+", one))]
    return [f"{name}=={version(name)}" for name in names]


def _of_no_use_on_nodes(folder: str, names: list[str]) -> set[str]:
    """Leave out what comes with the package for a person: the data are sent on their own."""
    shipped = {"data", "configs"} if Path(folder) == PACKAGE else set()
    return {*_EXCLUDED(folder, names), *shipped.intersection(names)}


@contextmanager
def _staged_code(plugins: Iterable[str]) -> Iterator[Path]:
    """Give a folder with the code a worker imports, so that none of it is installed on nodes.

    Installed plugins are left out, to be installed on the nodes.

    Raises:
        ConfigError: If a module is missing.
    """
    with TemporaryDirectory(prefix="code-") as name:
        folder = Path(name)
        shutil.copytree(PACKAGE, folder / "fieldsharp", ignore=_of_no_use_on_nodes)
        for module in sorted({plugin.partition(".")[0] for plugin in plugins}):
            source = _source(module)
            if source is not None and source.is_dir():
                shutil.copytree(source, folder / module, ignore=_EXCLUDED)
            elif source is not None:
                shutil.copy(source, folder / source.name)
        yield folder


def _source(module: str) -> Path | None:
    """Return the file or folder of a module, None if it is installed."""
    search_working_folder()
    found = find_spec(module)
    if found is None:
        raise ConfigError(f"plugins lists {module}, which is not there; correct the name")
    places = found.submodule_search_locations or ([found.origin] if found.origin else [])
    for place in map(Path, places):
        installed = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")]
        if place.exists() and not any(place.is_relative_to(folder) for folder in installed):
            return place
    return None


SEVERAL = Path("data")
"""Folder of several files in an archive."""


def data_mb(paths: Sequence[Path]) -> float:
    """Return the size of data files or folders, in MB of 2**20 bytes; 0 of what does not exist."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20


def pack_data(paths: Sequence[Path]) -> bytes:
    """Return data files, or folders such as Zarr stores, as a tar archive."""
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, name in zip(paths, _names_in_archive(paths), strict=True):
            archive.add(path, arcname=name)
    return stream.getvalue()


def unpack_data(content: bytes, folder: Path, paths: Sequence[Path]) -> tuple[Path, ...]:
    """Extract packed data into a folder, whole or not at all, and return where they are.

    Args:
        content: Of the archive.
        folder: Made if it is not there.
        paths: Where they were when they were packed.
    """
    names = _names_in_archive(paths)
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        name = Path(names[0]).parts[0]
        target = folder / name
        if not target.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder) as partial:
                archive.extractall(partial, filter="data")
                # Another worker of the node may have extracted it meanwhile.
                if not target.exists():
                    (Path(partial) / name).rename(target)
    return tuple(folder / name for name in names)


def _names_in_archive(paths: Sequence[Path]) -> list[str]:
    """Return the name of a single file; of several, their paths from the folder all are in."""
    if len(paths) == 1:
        return [paths[0].name]
    common = os.path.commonpath([path.parent for path in paths])
    return [str(SEVERAL / path.relative_to(common)) for path in paths]
