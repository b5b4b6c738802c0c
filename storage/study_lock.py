"""One coordinator per study: a lock next to an SQLite file, or on the server of a database.

``StorageError`` is raised if the server that has the locks does not answer.
"""

from typing import Any, Self

from fieldsharp.storage.location.paths import stop_request
from fieldsharp.storage.location.url import is_postgres
from fieldsharp.storage.lock_owner import RESUME, LockOwner, already_running
from fieldsharp.storage.sqlite.study_lock import SqliteStudyLock, lock_owner_by_file
from fieldsharp.storage.stop_request import leave_request, withdraw_request


class StudyLock:
    """Held while a coordinator runs, and free when it dies, however it dies.

    Use as a context manager.
    """

    def __init__(self, url: str, study: str, command: str = RESUME) -> None:
        self.study = study
        if is_postgres(url):
            # Imported here: sweeps in a file need no database driver.
            from fieldsharp.storage.postgres.study_lock import PostgresStudyLock

            self._lock: SqliteStudyLock | PostgresStudyLock = PostgresStudyLock(url, study, command)
        else:
            self._lock = SqliteStudyLock(url, study, command)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            StudyError: If another process holds it, naming its pid.
            ConfigError: If the lock cannot be made.
        """
        self._lock.take()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.free()

    def take_in_database(self) -> None:
        """Take the lock in the database file too, where there is one.

        Raises:
            StudyError: If another process holds it, whose lock file was removed.
        """
        self._lock.take_in_database()

    def require_held(self) -> None:
        """Check that the lock file is still the one that other processes would lock.

        Raises:
            FieldsharpError: If its file was removed or replaced.
        """
        self._lock.require_held()

    def stop_requested(self) -> int:
        """Return how urgently another process asks to stop: 0 not, 1 after the epoch, 2 at once."""
        return self._lock.stop_requested()

    def check(self, session: Any) -> None:
        """Check at the start of a transaction of SQLAlchemy that this process has the study.

        Raises:
            StudyError: If another process took it over while the server was away.
        """
        self._lock.check(session)


def study_lock_owner(url: str, study: str) -> LockOwner:
    """Return the process that runs a study, or died while it did; changes nothing."""
    if is_postgres(url):
        from fieldsharp.storage.postgres.ownership_table import lock_owner_on_server

        return lock_owner_on_server(url, study)
    return lock_owner_by_file(url, study)


def ask_to_stop(url: str, study: str, owner: LockOwner, *, at_once: bool) -> str:
    """Write a request to stop, at once or after the current epochs, for the owner of a study.

    Returns:
        The place of the request, for a message.

    Raises:
        ConfigError: If it cannot be written next to the database.
    """
    if is_postgres(url):
        from fieldsharp.storage.postgres.ownership_table import ask_to_stop_on_server

        ask_to_stop_on_server(url, study, owner, at_once=at_once)
        return "the database"
    path = stop_request(url, study)
    leave_request(path, owner, at_once=at_once)
    return str(path)


def is_asked_to_stop(url: str, study: str) -> bool:
    """Return whether a request to stop waits for its answer."""
    if is_postgres(url):
        from fieldsharp.storage.postgres.ownership_table import is_asked_to_stop_on_server

        return is_asked_to_stop_on_server(url, study)
    return stop_request(url, study).exists()


def withdraw_stop_request(url: str, study: str) -> None:
    """Remove a request to stop that was not answered."""
    if is_postgres(url):
        from fieldsharp.storage.postgres.ownership_table import withdraw_on_server

        withdraw_on_server(url, study)
    else:
        withdraw_request(stop_request(url, study))


def require_not_running(url: str, study: str) -> None:
    """Check that no process runs a study.

    Raises:
        StudyError: If one does, naming its pid.
    """
    owner = study_lock_owner(url, study)
    if owner.alive:
        raise already_running(study, owner)
