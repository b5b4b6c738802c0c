"""MLflow's SQLite file appears with all its tables, whenever one looks."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from fieldsharp.sweep.tracking.mlflow_database import make_database

pytestmark = [
    # MLflow's own use of SQLAlchemy, and its pool, which no method of its client closes.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]


def tables(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'")
        return int(found.fetchone()[0])


def test_the_file_is_never_there_with_some_of_its_tables_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mlflow.db"
    found: list[int] = []
    is_made = threading.Event()

    def look() -> None:
        while not is_made.wait(0.002):
            if path.exists():
                found.append(tables(path))

    looking = threading.Thread(target=look)
    looking.start()
    make_database(f"sqlite:///{path}")
    time.sleep(0.05)
    is_made.set()
    looking.join()
    assert found
    assert set(found) == {tables(path)}
    assert [e.name for e in MlflowClient(f"sqlite:///{path}").search_experiments()] == ["Default"]
    assert tables(path) == found[-1]  # MLflow had none to add
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db"]


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"whatever it holds")
    make_database(f"sqlite:///{path}")
    assert path.read_bytes() == b"whatever it holds"


@pytest.mark.parametrize("uri", ["http://localhost:5000", "sqlite://", "sqlite:///:memory:"])
def test_addresses_without_a_file_are_left_to_mlflow(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_database(uri)
    assert not list(tmp_path.iterdir())
