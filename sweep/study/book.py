"""Reading and writing a study: each act one transaction, tried again while nobody answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from optuna.study import Study
from optuna.trial import FrozenTrial

from storage.database import database_errors, database_file, make_durable, require_database
from storage.faults import storage_error
from storage.one_transaction import one_transaction
from storage.patience import Patience

T = TypeVar("T")


@contextmanager
def _database_answers(url: str) -> Iterator[None]:
    """Have a file that cannot be looked at count as a database that is away for a while.

    Raises:
        StorageUnavailable: If it cannot be looked at.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(url, error.strerror or str(error), away=True) from error


class Book:
    """A study and the way to it.

    Every act is one transaction, and is tried again while the database is unavailable. Only the
    answer to the last word of a transaction can be lost, so an act does no harm when done twice.

    Args:
        study: What is read and written.
        url: Address of its database.
        patience: With a database that does not answer.
    """

    def __init__(self, study: Study, url: str, patience: Patience) -> None:
        self.study = study
        self.url = url
        self.patience = patience
        with _database_answers(url):
            self._file = database_file(url)

    def make_durable(self) -> None:
        """Have everything that was told survive a power cut too."""
        self._read(lambda: make_durable(self.url))

    def _read(self, what: Callable[[], T]) -> T:
        """Return what is read from the storage, once it succeeds."""

        def attempt() -> T:
            with database_errors(self.url):
                return what()

        return self.patience.call(attempt)

    def _write(self, what: Callable[[], T]) -> T:
        """Return what an act on the storage returns, once it succeeds: wholly, or not at all."""

        def attempt() -> T:
            with _database_answers(self.url):
                require_database(self.url, self._file)
            with database_errors(self.url), one_transaction(self.study):
                return what()

        return self.patience.call(attempt)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _trial(self, number: int) -> FrozenTrial:
        storage = self.study._storage
        trial_id = storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)
        return storage.get_trial(trial_id)
