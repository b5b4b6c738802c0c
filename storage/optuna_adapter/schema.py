"""The versions of Optuna's tables.

Listed here, so that a damaged file is recognised and a backup made without importing Optuna. A test
compares the list with Optuna's own.
"""

import sqlite3
from typing import Literal

# Oldest first; the last is the one this version reads and writes.
SCHEMAS = (
    "v0.9.0.a",
    "v1.2.0.a",
    "v1.3.0.a",
    "v2.4.0.a",
    "v2.6.0.a",
    "v3.0.0.a",
    "v3.0.0.b",
    "v3.0.0.c",
    "v3.0.0.d",
    "v3.2.0.a",
)
CURRENT_SCHEMA = SCHEMAS[-1]
# Enough to recognise a database of studies; alembic_version is not, other programs have it too.
OUR_TABLES = frozenset({"studies", "trials", "version_info", "study_directions", "trial_params"})


def table_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all tables, in order."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return sorted(name for (name,) in rows)


def schema_of(connection: sqlite3.Connection) -> str | None:
    """Return the version of the tables; None if they name none, as before Optuna 0.9."""
    if "alembic_version" not in table_names(connection):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def schema_age(schema: str | None) -> Literal["older", "current", "newer"]:
    """Return whether a version is older or newer than this one."""
    if schema == CURRENT_SCHEMA:
        return "current"
    return "older" if schema is None or schema in SCHEMAS else "newer"
