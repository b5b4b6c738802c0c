"""Makes MLflow's SQLite file whole or not at all.

MLflow makes its tables one after the other, each safe on disk before the next, and cannot open a
file in which some are missing. A process that is killed meanwhile would leave such a file, and two
that begin at the same time would disturb each other. So the tables are made in memory, and the file
appears with all of them.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from mlflow.tracking import MlflowClient

from fieldsharp.core.partial_file import USUAL_MODE
from fieldsharp.storage.durable_files.atomic import write_if_missing
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
    write_if_missing(path, content, USUAL_MODE)


def _file(uri: str) -> Path | None:
    """Return the SQLite file of an address; None where it is something else."""
    name = uri.removeprefix(SQLITE)
    is_file = uri.startswith(SQLITE) and name and not name.startswith((":", "file:"))
    return Path(name) if is_file and "?" not in name else None
