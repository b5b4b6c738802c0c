"""The trials of a study, read from the database with plain SQL, not with the code under test."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READ_TIMEOUT_S = 90.0
FINISHED = frozenset({"COMPLETE", "PRUNED", "FAIL"})


@dataclass(frozen=True)
class StoredTrial:
    """A trial as stored in the database.

    Attributes:
        number: In its study.
        state: Optuna's state.
        ended_at: End time, in the database's format.
        params: Parameters, in the database's internal representation.
        values: Its result.
        attempt: Number of attempts so far.
        failure: Why it failed.
    """

    number: int
    state: str
    ended_at: str | None
    params: dict[str, float]
    values: list[float]
    attempt: int
    failure: str | None

    @property
    def mark(self) -> float | None:
        """Its identifier in the epoch record."""
        return self.params.get("predictor.options.mark")


History = dict[int, list[StoredTrial]]
"""By number; more than one under a number is an error of its own."""


def read_history(database: Path) -> History:
    """Return all trials; none if there is no database or no table yet."""
    history: History = {}
    if not database.exists():
        return history
    with reading(database) as connection:
        try:
            return _read(connection)
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return history


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    # Read-only: reading must not checkpoint the write-ahead log.
    address = f"file:{database}?mode=ro"
    with closing(sqlite3.connect(address, timeout=READ_TIMEOUT_S, uri=True)) as connection:
        connection.execute("BEGIN")  # one snapshot for all queries
        yield connection


def has_study(database: Path) -> bool:
    """Return whether the study is complete enough to resume; before that it is started."""
    if not database.exists():
        return False
    with reading(database) as connection:
        try:
            found = connection.execute(
                "SELECT count(*) FROM study_user_attributes WHERE key = 'config'"
            )
            return bool(found.fetchone()[0])
        except sqlite3.OperationalError:
            return False


def is_sound(database: Path) -> bool:
    """Return whether SQLite's integrity check passes."""
    with closing(sqlite3.connect(database, timeout=READ_TIMEOUT_S)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


def _read(connection: sqlite3.Connection) -> History:
    params: dict[int, dict[str, float]] = {}
    for trial, name, value in connection.execute(
        "SELECT trial_id, param_name, param_value FROM trial_params"
    ):
        params.setdefault(trial, {})[name] = value
    values: dict[int, list[float]] = {}
    for trial, value in connection.execute(
        "SELECT trial_id, value FROM trial_values ORDER BY objective"
    ):
        values.setdefault(trial, []).append(value)
    attributes_by_trial: dict[int, dict[str, Any]] = {}
    for trial, name, text in connection.execute(
        "SELECT trial_id, key, value_json FROM trial_user_attributes "
        "WHERE key IN ('spec', 'failure')"
    ):
        attributes_by_trial.setdefault(trial, {})[name] = json.loads(text)
    history: History = {}
    for trial, number, state, ended_at in connection.execute(
        "SELECT trial_id, number, state, datetime_complete FROM trials"
    ):
        attributes = attributes_by_trial.get(trial, {})
        stored = StoredTrial(
            number,
            state,
            ended_at,
            params.get(trial, {}),
            values.get(trial, []),
            attributes.get("spec", {}).get("attempt", 0),
            attributes.get("failure"),
        )
        history.setdefault(number, []).append(stored)
    return history


def losses_between(before: History, after: History) -> list[str]:
    """Return a sentence for each change that must never happen."""
    losses = []
    for number, trials in after.items():
        if len(trials) > 1:
            losses.append(f"there are {len(trials)} trials under the number {number}")
        if trials[0].state == "FAIL":
            losses.append(f"trial {number} failed: {trials[0].failure}")
    for number, trials in before.items():
        was = trials[0]
        if number not in after:
            losses.append(f"trial {number} is gone, it was {was.state}")
            continue
        now = after[number][0]
        if was.state in FINISHED and (now.state, now.ended_at, now.values) != (
            was.state,
            was.ended_at,
            was.values,
        ):
            losses.append(f"trial {number} was finished and is another: {was} became {now}")
        changed = {
            name: (value, now.params.get(name))
            for name, value in was.params.items()
            if now.params.get(name) != value
        }
        if changed:
            losses.append(f"trial {number} was handed out with other parameters: {changed}")
    return losses
