"""The lock on a study of a PostgreSQL database, held on the server.

It has two parts. An advisory lock of a connection tells whether the owner is alive: the server
frees it when the process dies, however it dies and on whatever machine. A row names the owner, with
a token drawn when the study was taken (``storage.postgres.ownership_table``).

The lock is lost with its connection, as when the server restarts. The owner takes it back as soon
as the server answers, provided that the row still has its token; a new process gives the owner time
for that. If another process takes the study nevertheless, every transaction of the former owner
fails at its first statement: that reads the token, and locks its row until the transaction ends.
"""

import logging
import platform
import queue
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fieldsharp.core.errors import StorageUnavailable, StudyError
from fieldsharp.storage.errors.mapping import database_errors, opening_errors
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.paths import files_folder
from fieldsharp.storage.lock_owner import LOCK_WAIT_S, LockOwner, already_running
from fieldsharp.storage.postgres.advisory_locks import (
    ALL_STUDIES,
    TRY_EVERY_S,
    end_holders,
    lock_of,
    try_lock,
    try_shared_lock,
)
from fieldsharp.storage.postgres.connection import connect
from fieldsharp.storage.postgres.ownership_table import (
    Ownership,
    files_of,
    make_table,
    mark_ended,
    owner_of,
    take_over,
    take_stop_request,
    token_of,
)

logger = logging.getLogger(__name__)
CHECK_EVERY_S = 2.0
RECLAIM_S = 10.0
"""How long after the start of the server former owners may take their locks back."""
FREEING_S = 2.0
# The server too must detect a machine that vanished, and not wait for ever for a row.
_SETTINGS = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET lock_timeout = '10s'",
)


class PostgresStudyLock:
    """Held while a coordinator runs, by a connection of its own and a thread that renews it."""

    def __init__(self, url: str, study: str, command: str) -> None:
        self._url = url
        self._study = study
        self._ownership = Ownership(
            study, uuid.uuid4().hex, command, str(files_folder(url).expanduser().absolute())
        )
        self._connection: Connection | None = None
        self._connection_guard = threading.Lock()
        self._ended = threading.Event()
        self._lost: StudyError | None = None
        self._stop_requests: queue.SimpleQueue[int] = queue.SimpleQueue()

    def take(self) -> None:
        """Take the lock.

        Raises:
            StudyError: If another process holds it, naming its pid.
            ConfigError: If the address cannot be used.
            StorageError: If the server does not answer, or refuses.
        """
        with database_errors(self._url), opening_errors(self._url):
            connection = self._new_connection()
            try:
                make_table(connection)
                self._wait_for_former_owner(connection)
                deadline = time.monotonic() + LOCK_WAIT_S
                while not self._try_lock(connection):
                    if time.monotonic() > deadline:
                        raise already_running(self._study, owner_of(connection, self._study))
                    time.sleep(TRY_EVERY_S)
                self._warn_if_files_moved(connection)
                take_over(connection, self._ownership)
            except BaseException:
                _close(connection)
                raise
        self._connection = connection
        threading.Thread(target=self._watch, name="study lock", daemon=True).start()

    def free(self) -> None:
        """Free the lock, and record that its owner ended in good order."""
        self._ended.set()
        if not self._connection_guard.acquire(timeout=FREEING_S):
            return  # the server cannot be reached: it has freed the lock itself
        try:
            if self._connection is not None:
                with suppress(SQLAlchemyError):
                    mark_ended(self._connection, self._ownership)
                _close(self._connection)
                self._connection = None
        finally:
            self._connection_guard.release()

    def check(self, session: Session) -> None:
        """Check at the start of a transaction that this process still has the study.

        Raises:
            StudyError: If another process took it over while the server was unreachable.
            SQLAlchemyError: If the server does not answer.
        """
        if token_of(session, self._study, lock_row=True) != self._ownership.token:
            raise self._lost or self._taken_over(owner_of(session.connection(), self._study))

    def take_in_database(self) -> None:
        """Do nothing: the lock is on the server already."""

    def require_held(self) -> None:
        """Do nothing: every transaction checks it."""

    def stop_requested(self) -> int:
        """Return how urgently the coordinator is asked to stop: 0 not, 1 after the epoch, 2 now."""
        urgency = 0
        with suppress(queue.Empty):
            while True:
                urgency = max(urgency, self._stop_requests.get_nowait())
        return urgency

    def _watch(self) -> None:
        """Check the connection that has the lock regularly, and replace it when it is lost."""
        while not self._ended.wait(CHECK_EVERY_S):
            with self._connection_guard:
                if self._ended.is_set() or self._lost is not None:
                    return
                try:
                    self._renew()
                except StudyError as error:
                    self._lost = error  # the next transaction raises it
                except (SQLAlchemyError, StorageUnavailable):
                    logger.debug("the server of %s cannot be reached", mask_password(self._url))

    def _renew(self) -> None:
        if self._connection is not None:
            try:
                self._stop_requests.put(take_stop_request(self._connection, self._ownership))
            except SQLAlchemyError:
                _close(self._connection)
                self._connection = None
            else:
                return
        connection = self._new_connection()
        try:
            name = self._ownership.connection_name
            # The server may still have old connections of this process, which are ended.
            if not self._try_lock(connection) and not end_holders(
                connection, lock_of(self._study), name
            ):
                raise self._taken_over(owner_of(connection, self._study))
            if token_of(connection, self._study) != self._ownership.token:
                raise self._taken_over(owner_of(connection, self._study))
        except BaseException:
            _close(connection)
            raise
        # Otherwise an old connection of this process was just ended: the next check succeeds.
        if self._try_lock(connection):
            self._connection = connection
        else:
            _close(connection)

    def _new_connection(self) -> Connection:
        connection = connect(self._url)
        try:
            for setting in _SETTINGS:
                connection.execute(text(setting))
            connection.execute(
                text("SELECT set_config('application_name', :name, false)"),
                {"name": self._ownership.connection_name},
            )
        except BaseException:
            _close(connection)
            raise
        return connection

    def _try_lock(self, connection: Connection) -> bool:
        if not try_shared_lock(connection, ALL_STUDIES):
            raise StorageUnavailable(
                f"{mask_password(self._url)} is being upgraded by another process",
                "wait until it has, then run the same command again",
            )
        return try_lock(connection, lock_of(self._study))

    def _wait_for_former_owner(self, connection: Connection) -> None:
        """Give an owner that lost its lock in a restart of the server time to take it back."""
        is_logged = False
        while _age_s(connection) < RECLAIM_S:
            owner = owner_of(connection, self._study)
            if not owner.died or owner.is_known_dead:
                return
            if not is_logged:
                logger.info(
                    "the server was started just now: %s, which ran study %r, is given %.0f s to "
                    "go on with it",
                    owner.description,
                    self._study,
                    RECLAIM_S,
                )
            is_logged = True
            time.sleep(TRY_EVERY_S)

    def _warn_if_files_moved(self, connection: Connection) -> None:
        """Warn if the last owner of the study had its checkpoints in another folder or machine."""
        former = files_of(connection, self._study)
        if former is None or former == (platform.node(), self._ownership.files):
            return
        host, folder = former
        if folder == self._ownership.files and any(Path(folder).glob("*/trials")):
            return  # shared: both machines see it
        logger.warning(
            "the files of study %r, its checkpoints among them, lie in %s on %s and are now looked "
            "for in %s here: trials that were being trained begin again unless you copy them, or "
            "name their folder with ?files= in the address",
            self._study,
            folder,
            host,
            self._ownership.files,
        )

    def _taken_over(self, owner: LockOwner) -> StudyError:
        by = f" by {owner.description}" if owner.pid is not None else ""
        return StudyError(
            f"study {self._study!r} was taken over{by} while {mask_password(self._url)} could not "
            "be reached, and nothing more is written to it from here; leave it to that process, or "
            "stop that and resume"
        )


def _age_s(connection: Connection) -> float:
    """Return the time since the start of the server."""
    age = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())"
    return float(connection.execute(text(age)).scalar_one())


def _close(connection: Connection) -> None:
    with suppress(SQLAlchemyError):
        connection.close()
