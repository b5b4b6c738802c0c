"""One coordinator per study: a lock beside an SQLite file, or in the server of a database."""

from types import TracebackType
from typing import Any, Self

from fieldsharp.storage.location.paths import stop_request
from fieldsharp.storage.location.url import is_postgres
from fieldsharp.storage.lock_owner import CONFIRM, RESUME, LockOwner, is_run_by
from fieldsharp.storage.sqlite.study_lock import SqliteStudyLock, lock_owner_by_file
from fieldsharp.storage.stop_request import leave_request, withdraw_request

__all__ = ["CONFIRM", "RESUME", "LockOwner", "StudyLock", "refuse_if_run", "study_lock_owner"]


class StudyLock:
    """Held while a coordinator runs, and free when it dies, however it dies.

    Use as a context manager.
    """

    def __init__(self, url: str, study: str, command: str = RESUME) -> None:
        self.study = study
        if is_postgres(url):
            # Only here: who sweeps in a file need not load what talks to servers.
            from fieldsharp.storage.postgres.study_lock import PostgresStudyLock

            self._lock: SqliteStudyLock | PostgresStudyLock = PostgresStudyLock(url, study, command)
        else:
            self._lock = SqliteStudyLock(url, study, command)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            StudyError: If another process holds it, naming its pid.
            ConfigError: If the lock cannot be made.
            StorageError: If the server that keeps it does not answer.
        """
        self._lock.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the lock."""
        self._lock.free()

    def take_in_database(self) -> None:
        """Take the lock in the file of the database too, where it has one and that is there.

        Raises:
            StudyError: If another process holds it, whose lock file was removed.
        """
        self._lock.take_in_database()

    def require_kept(self) -> None:
        """Check that the lock is still the one that another process would try.

        Raises:
            FieldsharpError: If its file was removed or replaced.
        """
        self._lock.require_kept()

    def stop_requested(self) -> int:
        """Return how urgently another process asks to stop: 0 not, 1 after the epoch, 2 at once."""
        return self._lock.stop_requested()

    def check(self, session: Any) -> None:
        """Check in a transaction, before it writes, that the study is still ours.

        Args:
            session: Of SQLAlchemy, in that transaction.

        Raises:
            StudyError: If another process took it over while the server was away.
        """
        self._lock.check(session)


def study_lock_owner(url: str, study: str) -> LockOwner:
    """Return which process runs a study, or ran it when it died; changes nothing.

    Raises:
        StorageError: If the server that keeps the locks does not answer.
    """
    if is_postgres(url):
        from fieldsharp.storage.postgres.study_lock import lock_owner_on_server

        return lock_owner_on_server(url, study)
    return lock_owner_by_file(url, study)


def ask_to_stop(url: str, study: str, holder: LockOwner, *, at_once: bool) -> str:
    """Leave a request to stop where the process that runs a study looks for one.

    Args:
        url: The database.
        study: Its name.
        holder: That process.
        at_once: Whether it shall not finish the epochs that are trained.

    Returns:
        Where the request was left.

    Raises:
        ConfigError: If it cannot be left beside the database.
        StorageError: If the server does not answer.
    """
    if is_postgres(url):
        from fieldsharp.storage.postgres.study_lock import ask_to_stop_on_server

        ask_to_stop_on_server(url, study, holder, at_once=at_once)
        return "the database"
    path = stop_request(url, study)
    leave_request(path, holder, at_once=at_once)
    return str(path)


def is_asked_to_stop(url: str, study: str) -> bool:
    """Return whether a request to stop is not answered yet.

    Raises:
        StorageError: If the server does not answer.
    """
    if is_postgres(url):
        from fieldsharp.storage.postgres.study_lock import is_asked_to_stop_on_server

        return is_asked_to_stop_on_server(url, study)
    return stop_request(url, study).exists()


def withdraw_stop_request(url: str, study: str) -> None:
    """Withdraw a request to stop that was not answered.

    Raises:
        StorageError: If the server does not answer.
    """
    if is_postgres(url):
        from fieldsharp.storage.postgres.study_lock import withdraw_on_server

        withdraw_on_server(url, study)
    else:
        withdraw_request(stop_request(url, study))


def refuse_if_run(url: str, study: str) -> None:
    """Check, before anything else is looked at, that nobody runs a study.

    Raises:
        StudyError: If a process does, naming its pid.
        StorageError: If the server that keeps the locks does not answer.
    """
    holder = study_lock_owner(url, study)
    if holder.alive:
        raise is_run_by(study, holder)
