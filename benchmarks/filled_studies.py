"""Studies of any number of trials, of this service and of plain Optuna, filled with copies."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import optuna

from benchmarks.opened_sweep import opened_sweep
from benchmarks.sleeping_worker import length_s
from benchmarks.timed_executor import TimedExecutor
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import SPEC


class SleepingStudy:
    """A study of this service, resumed by a new coordinator each time.

    Args:
        config: Of the sweep; its budget is replaced.
        facts: Of its data.
        folder: For the database.
    """

    def __init__(self, config: SweepConfig, facts: DataSummary, folder: Path) -> None:
        self._config = config
        self._facts = facts
        self.url = f"sqlite:///{folder / 'ours.db'}"
        self._trials = 0

    def run(self, executor: TimedExecutor, trials: int) -> list[tuple[float, float]]:
        """Run more trials; return their ``TimedExecutor.spans``."""
        executor.forget()
        self._trials += trials
        budget = self._config.budget.model_copy(update={"trials": self._trials})
        config = self._config.model_copy(update={"budget": budget})
        with opened_sweep(config, self.url, self._facts, executor) as (_, coordinator):
            coordinator.run()
        return executor.spans()

    def fill(self, trials: int) -> None:
        """Add copies of its trials up to a number of trials."""
        copy_trials(self.url.removeprefix("sqlite:///"), trials)
        self._trials = trials


class PlainStudy:
    """A study of a plain script: one process, SQLite as Optuna opens it.

    Args:
        config: Of the sweep it stands beside: the same space, sampler and epochs.
        folder: For the database.
    """

    def __init__(self, config: SweepConfig, folder: Path) -> None:
        self._space = distributions(config.search)
        self._epochs = config.training.epochs
        self._path = str(folder / "plain.db")
        sampler: optuna.samplers.BaseSampler = optuna.samplers.TPESampler(seed=0)
        if config.search.sampler == "random":
            sampler = optuna.samplers.RandomSampler(seed=0)
        self._study = optuna.create_study(
            storage=f"sqlite:///{self._path}", sampler=sampler, pruner=optuna.pruners.NopPruner()
        )

    def run(self, trials: int, seconds: float) -> list[float]:
        """Run trials; return the seconds each took beyond its sleep."""
        beyond = []
        for _ in range(trials):
            began = time.perf_counter()
            trial = self._study.ask(self._space)
            length = length_s(seconds, trial.number)
            slept = 0.0
            for epoch in range(self._epochs):
                lies_down = time.perf_counter()
                time.sleep(length / self._epochs)
                slept += time.perf_counter() - lies_down
                trial.report(_value(trial.number), epoch)
            self._study.tell(trial, _value(trial.number))
            beyond.append(time.perf_counter() - began - slept)
        return beyond

    def fill(self, trials: int) -> None:
        """Add copies of its trials up to a number of trials."""
        copy_trials(self._path, trials)


def _value(number: int) -> float:
    return length_s(1.0, number)


ROWS = (
    "trial_params",
    "trial_values",
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_intermediate_values",
)


def copy_trials(database: str, trials: int) -> None:
    """Add copies of the complete trials except the first, row by row: thousands in a second.

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
    """Copy the rows of the source trials in one table, with new row numbers."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")][1:]
    of_copy = {"trial_id": "copies.id", "number": "copies.number"}
    taken = [of_copy.get(name, f"{table}.{name}") for name in columns]
    if table == "trials":  # its own number is the one that the other tables go by
        columns, taken = ["trial_id", *columns], ["copies.id", *taken]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(taken)} "  # noqa: S608
        f"FROM copies JOIN {table} ON {table}.trial_id = copies.source"  # fixed names
    )
