"""The listed versions of Optuna's tables, compared with Optuna's own list."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fieldsharp.storage.database import open_database
from fieldsharp.storage.optuna_adapter.schema import (
    CURRENT_SCHEMA,
    OUR_TABLES,
    SCHEMAS,
    schema_age,
    schema_of,
    table_names,
)
from tests.storage.databases import old_database


def test_the_versions_are_those_optuna_knows(storage_url: str) -> None:
    manager = open_database(storage_url, "write")._version_manager
    assert list(reversed(SCHEMAS)) == manager.get_all_versions()
    assert manager.get_head_version() == CURRENT_SCHEMA


def test_the_tables_are_those_optuna_makes(storage_url: str, tmp_path: Path) -> None:
    open_database(storage_url, "write")
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        assert set(table_names(connection)) >= OUR_TABLES
        assert schema_of(connection) == CURRENT_SCHEMA


@pytest.mark.parametrize(
    ("schema", "age"),
    [(None, "older"), ("v2.6.0.a", "older"), (CURRENT_SCHEMA, "current"), ("v9.9.9.a", "newer")],
)
def test_a_version_is_older_or_newer(schema: str | None, age: str) -> None:
    assert schema_age(schema) == age


def test_a_database_of_before_versions_were_noted_has_none(tmp_path: Path) -> None:
    path = old_database(tmp_path / "x.db", "v2.6.0.a")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE alembic_version")
        assert schema_of(connection) is None
