"""Makes MLflow's SQLite file whole or not at all.

MLflow makes its tables one after the other, each safe on disk before the next, and cannot open a
file in which some are missing. A process that is killed meanwhile would leave such a file, and two
that begin at the same time would disturb each other. So the tables are made in memory, and the file
appears with all of them.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from mlflow.tracking import MlflowClient

from fieldsharp.core.partial_file import USUAL_MODE, open_new, partial_path
from fieldsharp.sweep.configuration.tracking import SQLITE

IN_MEMORY = "file:new-mlflow-database?mode=memory&cache=shared"


def make_database(uri: str) -> None:
    """Make the file that an address of MLflow names, with its tables; one that is there is kept.

    Raises:
        OSError: If it cannot be written.
    """
    path = _file(uri)
    if path is None or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    MlflowClient(f"{SQLITE}{IN_MEMORY}&uri=true")  # stays open, and with it the content
    with closing(sqlite3.connect(IN_MEMORY, uri=True)) as connection:
        content = connection.serialize()
    partial = partial_path(path)
    try:
        with os.fdopen(open_new(partial, USUAL_MODE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _give_name(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink()


def _file(uri: str) -> Path | None:
    """Return the SQLite file of an address; None where it is something else."""
    name = uri.removeprefix(SQLITE)
    is_file = uri.startswith(SQLITE) and name and not name.startswith((":", "file:"))
    return Path(name) if is_file and "?" not in name else None


def _give_name(partial: Path, path: Path) -> None:
    """Let a file appear under a name; one that another process has just put there is kept."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        pass
    except OSError:  # of a file system without links
        if not path.exists():
            partial.replace(path)
