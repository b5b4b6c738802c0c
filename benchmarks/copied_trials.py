"""A study filled with copies of its trials, row by row: thousands in a second.

``many_trials`` does it through Optuna and gives every copy figures of its own; that takes minutes.
"""

import sqlite3
from contextlib import closing

from fieldsharp.sweep.study.trial_records import SPEC

ROWS = (
    "trial_params",
    "trial_values",
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_intermediate_values",
)


def copy_trials(database: str, trials: int) -> None:
    """Add copies of the complete trials, but for the first, until there are so many.

    Args:
        database: Path of an SQLite file with one study, which nobody writes to meanwhile.
        trials: How many it is to have.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        query = "SELECT trial_id FROM trials WHERE state = 'COMPLETE' AND number > 0 ORDER BY 1"
        sources = [row[0] for row in connection.execute(query)]
        (there, last) = connection.execute("SELECT count(*), max(trial_id) FROM trials").fetchone()
        assert sources, "at least one trial after the first is complete"
        pairs = [
            (sources[number % len(sources)], last + 1 + number - there, number)
            for number in range(there, trials)
        ]
        connection.execute("CREATE TEMP TABLE copies (source, id INTEGER PRIMARY KEY, number)")
        connection.executemany("INSERT INTO copies VALUES (?, ?, ?)", pairs)
        for table in ("trials", *ROWS):
            _copy_rows(connection, table)
        connection.execute(
            "UPDATE trial_user_attributes SET value_json = json_set(value_json, '$.number', "
            "(SELECT number FROM copies WHERE id = trial_id)) "
            "WHERE key = ? AND trial_id IN (SELECT id FROM copies)",
            (SPEC,),
        )


def _copy_rows(connection: sqlite3.Connection, table: str) -> None:
    """Copy what one table has of the sources; the rows are numbered anew."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")][1:]
    of_copy = {"trial_id": "copies.id", "number": "copies.number"}
    taken = [of_copy.get(name, f"{table}.{name}") for name in columns]
    if table == "trials":  # its own number is the one that the other tables go by
        columns, taken = ["trial_id", *columns], ["copies.id", *taken]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(taken)} "  # noqa: S608
        f"FROM copies JOIN {table} ON {table}.trial_id = copies.source"  # fixed names
    )
