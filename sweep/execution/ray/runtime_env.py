"""What travels to the nodes of a cluster: our code, modules of the user's, and small data."""

import shutil
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.settings import SweepConfig

CONSTRAINTS = "constraints.txt"
_LEFT = shutil.ignore_patterns("__pycache__", "*.pyc")


@contextmanager
def worker_environment(config: SweepConfig) -> Iterator[dict[str, Any]]:
    """Give what Ray is told of the environment our workers want, while it reads the code.

    Raises:
        ConfigError: If a module of the user's is not there.
    """
    with _staged_code(config.plugins) as folder:
        environment: dict[str, Any] = {"working_dir": str(folder)}
        if config.ray.packages == "requirements":
            environment["pip"] = str(_staged_requirements(folder))
        yield environment


def _staged_requirements(folder: Path) -> Path:
    """Add the requirements of a sweep to the staged code, with their constraints.

    Ray writes the lines of a requirements file to a file elsewhere on the node; pip fills in where
    the staged code is there.
    """
    shutil.copy(PROJECT / CONSTRAINTS, folder)
    given = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    there = f"-c ${{RAY_RUNTIME_ENV_CREATE_WORKING_DIR}}/{CONSTRAINTS}"
    file = folder / "requirements.txt"
    file.write_text(given.replace(f"-c {CONSTRAINTS}", there), encoding="utf-8")
    return file


@contextmanager
def _staged_code(plugins: Iterable[str]) -> Iterator[Path]:
    """Give a folder that holds the code a worker imports; nodes need none of it installed.

    Args:
        plugins: Modules of the user's; those that are installed are left to be so on the nodes.

    Raises:
        ConfigError: If a module is not there.
    """
    with TemporaryDirectory(prefix="code-") as name:
        folder = Path(name)
        shutil.copytree(PROJECT / "fieldsharp", folder / "fieldsharp", ignore=_LEFT)
        for module in sorted({plugin.partition(".")[0] for plugin in plugins}):
            source = _source(module)
            if source is None:
                continue
            if source.is_dir():
                shutil.copytree(source, folder / module, ignore=_LEFT)
            else:
                shutil.copy(source, folder / source.name)
        yield folder


def _source(module: str) -> Path | None:
    """Return the file or folder of a module, None where it is installed."""
    found = find_spec(module)
    if found is None:
        raise ConfigError(f"plugins lists {module}, which is not there; correct the name")
    places = found.submodule_search_locations or ([found.origin] if found.origin else [])
    for place in map(Path, places):
        installed = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")]
        if place.exists() and not any(place.is_relative_to(folder) for folder in installed):
            return place
    return None


def data_mb(path: Path) -> float:
    """Return the size of a data file or folder, in MB of 2**20 bytes; 0 where there is none."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20


def packed(path: Path) -> bytes:
    """Return a data file, or a folder such as a Zarr store, as it travels."""
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(path, arcname=path.name)
    return stream.getvalue()


def unpacked(content: bytes, folder: Path) -> Path:
    """Lay down what was packed in a folder, whole or not at all, and return where it is."""
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        name = Path(archive.getnames()[0]).parts[0]
        target = folder / name
        if not target.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder) as partial:
                archive.extractall(partial, filter="data")
                # Another worker of the node may have done the same meanwhile.
                if not target.exists():
                    (Path(partial) / name).rename(target)
    return target
