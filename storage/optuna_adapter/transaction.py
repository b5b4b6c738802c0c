"""Several calls of Optuna's storage as one transaction: all of them happen, or none.

Optuna commits after every call. Telling a trial with its figures and guards is two dozen calls: as
many commits, and as many places to be killed between. Here its sessions are held open until the
end. That rests on Optuna making every access through ``RDBStorage.scoped_session``; the tests of
this file fail should a new version not do so any more.
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


class _Held:
    """A session whose commits wait; stands for itself and for what hands out sessions."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.rolled_back = False

    def __call__(self) -> "_Held":
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def commit(self) -> None:
        self._session.flush()
        self._session.expire_all()  # what is read next was perhaps changed past the session

    def rollback(self) -> None:
        self.rolled_back = True
        self._session.rollback()

    def close(self) -> None:
        pass

    def remove(self) -> None:
        pass


def database_of(study: Study) -> RDBStorage:
    """Return the database a study is in, without the cache before it."""
    cached = study._storage
    backend = cached._backend if isinstance(cached, _CachedStorage) else cached
    assert isinstance(backend, RDBStorage), "studies are kept in databases"
    return backend


@contextmanager
def one_transaction(study: Study) -> Iterator[None]:
    """Make all that is done to a study in the block one transaction.

    In SQLite the write lock is taken when the block begins. Blocks may not be nested.

    Raises:
        StorageInternalError: If the database refused a part; nothing of the block happened.
        SQLAlchemyError: Likewise.
        StudyError: If another process has taken over the study; likewise.
    """
    backend = database_of(study)
    sessions: Any = backend.scoped_session
    session = sessions()
    held: Any = _Held(session)
    backend.scoped_session = held
    try:
        session.connection()  # begins, before anything is read that could be another's meanwhile
        if isinstance(backend, BulkReadStorage) and backend.check is not None:
            backend.check(session)
        yield
        if held.rolled_back:
            raise StorageInternalError("a part of a transaction was refused")
        session.commit()
    except BaseException:
        session.rollback()
        _forget(study._storage)
        raise
    finally:
        session.close()
        backend.scoped_session = sessions


def _forget(cached: object) -> None:
    """Have everything read again: what was read in the block never was."""
    if isinstance(cached, _CachedStorage):
        cached._studies.clear()
        cached._trial_id_to_study_id_and_number.clear()
        cached._study_id_and_number_to_trial_id.clear()
