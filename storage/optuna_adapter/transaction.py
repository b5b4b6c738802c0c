"""Several calls of Optuna's storage as one transaction: all of them happen, or none.

Optuna commits after every call. Writing the outcome of a trial is two dozen calls: as many commits,
and the process may be killed between any two. Here its sessions are held open until the end of a
block. That relies on Optuna making every access through ``RDBStorage.scoped_session``; the tests
of this file fail if a new version does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.study import Study
from sqlalchemy.orm import Session

from fieldsharp.storage.optuna_adapter.bulk_read import BulkReadStorage


class _HeldSession:
    """A session whose commits are deferred; it also replaces Optuna's factory of sessions."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.rolled_back = False

    def __call__(self) -> "_HeldSession":
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def commit(self) -> None:
        self._session.flush()
        self._session.expire_all()  # the rows may have been changed by SQL, past the session

    def rollback(self) -> None:
        self.rolled_back = True
        self._session.rollback()

    def close(self) -> None:
        pass

    def remove(self) -> None:
        pass


def database_of(study: Study) -> RDBStorage:
    """Return the database storage of a study, without the cache that wraps it."""
    cached = study._storage
    backend = cached._backend if isinstance(cached, _CachedStorage) else cached
    assert isinstance(backend, RDBStorage), "studies are stored in databases"
    return backend


@contextmanager
def one_transaction(study: Study) -> Iterator[None]:
    """Make all calls on a study in the block one transaction.

    In SQLite the write lock is taken when the block begins. Blocks may not be nested.

    Raises:
        StorageInternalError: If the database refused a part; nothing of the block was written.
        SQLAlchemyError: Likewise.
        StudyError: If another process has taken over the study; likewise.
    """
    backend = database_of(study)
    sessions: Any = backend.scoped_session
    session = sessions()
    held: Any = _HeldSession(session)
    backend.scoped_session = held
    try:
        session.connection()  # begins the transaction before anything is read
        if isinstance(backend, BulkReadStorage) and backend.check is not None:
            backend.check(session)
        yield
        if held.rolled_back:
            raise StorageInternalError("a part of a transaction was refused")
        session.commit()
    except BaseException:
        session.rollback()
        _clear_cache(study._storage)
        raise
    finally:
        session.close()
        backend.scoped_session = sessions


def _clear_cache(cached: object) -> None:
    """Clear Optuna's cache: it may hold values of the transaction that was rolled back."""
    if isinstance(cached, _CachedStorage):
        cached._studies.clear()
        cached._trial_id_to_study_id_and_number.clear()
        cached._study_id_and_number_to_trial_id.clear()
