"""How much room a database takes, and how much its disk has left."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.storage.location.paths import files_folder
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.sqlite.file import beside, size_of

MB = 2**20


@dataclass(frozen=True)
class DiskSpace:
    """Room in MB.

    Attributes:
        free_mb: Left on the disk that takes what is kept beside the database.
        database_mb: What the database and its log take; None where it is in no file.
    """

    free_mb: float
    database_mb: float | None


def disk_space_of(url: str) -> DiskSpace:
    """Return how much room a database takes and has.

    Raises:
        OSError: If its disk does not answer.
    """
    path = sqlite_path(url)
    taken = None if path is None else sum(map(size_of, (path, *beside(path)))) / MB
    return DiskSpace(free_mb(files_folder(url)), taken)


def free_mb(folder: Path) -> float:
    """Return how much space is left on the disk of a folder, which may not be there yet.

    Raises:
        OSError: If the disk does not answer.
    """
    folder = folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free / MB
