"""Reading and writing a study: each act one transaction, tried again while nobody answers."""

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
    """A study and the way to it.

    Every act is one transaction, and is tried again while the database is unavailable. Only the
    answer to the last word of a transaction can be lost, so an act does no harm when done twice.

    Args:
        study: What is read and written.
        url: Address of its database.
        patience: With a database that does not answer.

    Attributes:
        is_durable: Whether what was written is known to survive a power cut and a lost log.
    """

    def __init__(self, study: Study, url: str, patience: DatabaseRetry) -> None:
        self.study = study
        self.url = url
        self.patience = patience
        self._files = WriteAheadLog(url, database_of(study))
        self.is_durable = False

    def make_durable(self) -> bool:
        """Have what was written survive a power cut and the loss of the log.

        Returns:
            Whether all of it does; what a reader keeps back is to be tried again.
        """
        self.is_durable = self._read(self._files.checkpoint)
        return self.is_durable

    def check_files(self) -> None:
        """Check that the files of the database are still those that are written to.

        Raises:
            DatabaseDamaged: If they were removed or replaced; what they held is then in a backup.
        """
        self._read(self._files.check)

    def _read(self, what: Callable[[], T]) -> T:
        """Return what is read from the storage, once it succeeds."""

        def attempt() -> T:
            with database_errors(self.url):
                return what()

        return self.patience.call(attempt)

    def _write(self, what: Callable[[], T]) -> T:
        """Return what an act on the storage returns, once it succeeds: wholly, or not at all."""

        def attempt() -> T:
            self._files.check()
            self.is_durable = False
            with database_errors(self.url), one_transaction(self.study):
                return what()

        return self.patience.call(attempt)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _trial(self, number: int) -> FrozenTrial:
        return read_trial(self.study, number)
