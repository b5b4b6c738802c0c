"""Several calls of Optuna's storage as one transaction: all of them are committed, or none.

Optuna commits after every call. Telling a trial with its figures and guards takes two dozen calls:
as many commits, and as many moments to be killed between two. Here one session is kept open until
the end. That depends on Optuna using ``RDBStorage.scoped_session`` for every access; the tests of
this file fail if a new version does not.
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


class _OpenSession:
    """A session whose commits are postponed; also takes the place of the session factory."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.rolled_back = False

    def __call__(self) -> "_OpenSession":
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def commit(self) -> None:
        self._session.flush()
        self._session.expire_all()  # rows may be changed past the session before the next read

    def rollback(self) -> None:
        self.rolled_back = True
        self._session.rollback()

    def close(self) -> None:
        pass

    def remove(self) -> None:
        pass


def database_of(study: Study) -> RDBStorage:
    """Return the storage of a study without the cache in front of it."""
    cached = study._storage
    backend = cached._backend if isinstance(cached, _CachedStorage) else cached
    assert isinstance(backend, RDBStorage), "studies are stored in databases"
    return backend


@contextmanager
def one_transaction(study: Study) -> Iterator[None]:
    """Run all reads and writes of a study in the block as one transaction.

    SQLite takes the write lock when the block begins. Blocks must not be nested.

    Raises:
        StorageInternalError: If the database refused a part; nothing of the block is stored.
        SQLAlchemyError: Likewise.
        StudyError: If another process has taken over the study; likewise.
    """
    backend = database_of(study)
    sessions: Any = backend.scoped_session
    session = sessions()
    open_session: Any = _OpenSession(session)
    backend.scoped_session = open_session
    try:
        session.connection()  # begins, before anything is read that another process could change
        if isinstance(backend, BulkReadStorage) and backend.check is not None:
            backend.check(session)
        yield
        if open_session.rolled_back:
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
    """Empty the cache: it may have what was written in the block and rolled back."""
    if isinstance(cached, _CachedStorage):
        cached._studies.clear()
        cached._trial_id_to_study_id_and_number.clear()
        cached._study_id_and_number_to_trial_id.clear()
