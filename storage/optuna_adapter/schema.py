"""The versions of Optuna's tables.

Listed here and not read from Optuna, since damaged files are recognised and backups made without
importing it. A test compares them with Optuna's own.
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
# Enough to recognise a database of studies; not alembic_version, which other programs have too.
OUR_TABLES = frozenset({"studies", "trials", "version_info", "study_directions", "trial_params"})


def table_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all tables, in order."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return sorted(name for (name,) in rows)


def schema_of(connection: sqlite3.Connection) -> str | None:
    """Return the version of the tables; None where none is stored, as before Optuna 0.9."""
    if "alembic_version" not in table_names(connection):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def schema_age(schema: str | None) -> Literal["older", "current", "newer"]:
    """Return whether a version is older or newer than the one this program uses."""
    if schema == CURRENT_SCHEMA:
        return "current"
    return "older" if schema is None or schema in SCHEMAS else "newer"
