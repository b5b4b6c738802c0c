"""Reads and writes of a study: each write one transaction, retried while the database is away."""

from collections.abc import Callable
from typing import TypeVar

from optuna.study import Study
from optuna.trial import FrozenTrial

from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.maintenance.write_ahead_log import WriteAheadLog
from fieldsharp.storage.optuna_adapter.transaction import database_of, one_transaction
from fieldsharp.storage.optuna_adapter.trials import read_trial
from fieldsharp.storage.retry import DatabaseRetry

T = TypeVar("T")


class UnitOfWork:
    """A study with the transactions and retries that it is accessed with.

    A write may be done twice, since the answer to a commit that succeeded can be lost: each must
    be idempotent.

    Attributes:
        patience: With a database that does not answer.
        is_durable: Whether everything written is known to survive a power cut and a lost
            write-ahead log.
    """

    def __init__(self, study: Study, url: str, patience: DatabaseRetry) -> None:
        self.study = study
        self.url = url
        self.patience = patience
        self._files = WriteAheadLog(url, database_of(study))
        self.is_durable = False

    def make_durable(self) -> bool:
        """Make everything written survive a power cut and the loss of the write-ahead log.

        Returns:
            Whether all of it does; False where a reader still uses a part of the log: try again.
        """
        self.is_durable = self._read(self._files.checkpoint)
        return self.is_durable

    def check_files(self) -> None:
        """Check that the files of the database were neither removed nor replaced.

        Raises:
            DatabaseDamaged: If they were; their contents are then in a backup.
        """
        self._read(self._files.check)

    def _read(self, act: Callable[[], T]) -> T:
        """Return the value of a read, retried until it succeeds."""

        def attempt() -> T:
            with database_errors(self.url):
                return act()

        return self.patience.call(attempt)

    def _write(self, act: Callable[[], T]) -> T:
        """Return the value of a write in one transaction, retried until it succeeds."""

        def attempt() -> T:
            self._files.check()
            self.is_durable = False
            with database_errors(self.url), one_transaction(self.study):
                return act()

        return self.patience.call(attempt)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _trial(self, number: int) -> FrozenTrial:
        return read_trial(self.study, number)
