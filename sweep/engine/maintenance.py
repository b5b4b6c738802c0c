"""Backups of the database, and the checks whether another trial can be started: data and disk."""

import logging
import time
from collections.abc import Callable

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.sweep.configuration.execution import RecoverySettings, seconds
from fieldsharp.sweep.study.files.workspace import StudyWorkspace

logger = logging.getLogger(__name__)
CHECK_EVERY_S = 2.0
TRY_AGAIN_EVERY_S = 5.0


class Maintenance:
    """Backs the database up while it changes, and reports when no trial can be started.

    Args:
        url: Address of the database.
        files: Of the study.
        settings: Of backups, patience and free space.
        clock: Seconds that never run backwards.
        go_on: The advice how to go on once the work has ended with an error.
    """

    def __init__(
        self,
        url: str,
        files: StudyWorkspace,
        settings: RecoverySettings,
        clock: Callable[[], float] = time.monotonic,
        go_on: str = "resume",
    ) -> None:
        self._go_on = go_on
        self._url = url
        self._files = files
        self._settings = settings
        self._clock = clock
        self._backed_up_at: float | None = None
        self._changed = False
        self._checked_at: float | None = None
        self._full_since: float | None = None
        self._is_space_known = True
        self._blocked_since: float | None = None
        self._tried_at = 0.0

    def changed(self) -> None:
        """Note that the database has changed since the last backup."""
        self._changed = True

    def back_up_if_due(self) -> None:
        """Back up after the first change, and then at most every ``recovery.backup_every``."""
        every_s = seconds(self._settings.backup_every)
        due = self._backed_up_at is None or self._clock() - self._backed_up_at >= every_s
        if self._changed and due:
            self.back_up()

    def back_up(self) -> None:
        """Back up the database if it has changed; a failure is logged, and tried again later."""
        if not self._changed or sqlite_path(self._url) is None:
            return  # a server's database is copied by the server's own programs
        self._backed_up_at = self._clock()
        try:
            back_up(self._url, self._settings.backups)
        except (FieldsharpError, OSError) as error:
            logger.warning("the database was not backed up: %s", error)
        else:
            self._changed = False

    def cannot_train(self, reason: str, then: str) -> None:
        """Note that no trial can be trained now; the next attempt is made a little later.

        Args:
            reason: Why: the data cannot be read, or no process can be started.
            then: What the user has to do.

        Raises:
            FieldsharpError: If that has been so for longer than ``recovery.patience``.
        """
        now = self._clock()
        self._tried_at = now
        if self._blocked_since is None:
            self._blocked_since = now
            logger.warning("%s: it is waited for, for up to %s", reason, self._settings.patience)
        if now - self._blocked_since >= seconds(self._settings.patience):
            raise FieldsharpError(f"{reason}; {then} and {self._go_on}")

    def can_train(self) -> None:
        """Note that a worker has begun to train."""
        self._blocked_since = None

    def can_start(self, *, idle: bool) -> bool:
        """Return whether another trial can be started: the data are readable, the disk has space.

        Args:
            idle: Whether no trial is running; a running one may free space when it ends.

        Raises:
            FieldsharpError: If the disk was full for longer than ``recovery.patience``.
        """
        waits = self._blocked_since is not None
        if waits and self._clock() - self._tried_at < TRY_AGAIN_EVERY_S:
            return False
        return self._has_space(idle=idle)

    def _free_mb(self) -> float | None:
        """Return the free space in MB, None if it cannot be read; that is logged once."""
        try:
            free_mb = self._files.free_mb()
        except OSError as error:
            if self._is_space_known:
                logger.warning(
                    "the free space of %s is not known (%s): trials are started all the same",
                    self._files.folder,
                    error.strerror or error,
                )
            self._is_space_known = False
            return None
        if not self._is_space_known:
            logger.warning("the free space is known again: %.0f MB", free_mb)
        self._is_space_known = True
        return free_mb

    def _has_space(self, *, idle: bool) -> bool:
        now = self._clock()
        if self._checked_at is not None and now - self._checked_at < CHECK_EVERY_S:
            return self._full_since is None
        self._checked_at = now
        free_mb, floor_mb = self._free_mb(), self._settings.free_space_mb
        if free_mb is None:
            self._full_since = None
            return True
        if free_mb >= floor_mb:
            if self._full_since is not None:
                logger.warning("the disk has room again: %.0f MB", free_mb)
            self._full_since = None
            return True
        if self._full_since is None:
            self._full_since = now
            logger.warning(
                "the disk of %s has %.0f MB free and recovery.free_space_mb asks for %d: no trial "
                "is started until there is room",
                self._files.folder,
                free_mb,
                floor_mb,
            )
        if idle and now - self._full_since >= seconds(self._settings.patience):
            raise FieldsharpError(
                f"the disk of {self._files.folder} has had less than {floor_mb} MB free for "
                f"{self._settings.patience} ({free_mb:.0f} MB now); make room and {self._go_on}, "
                "or lower recovery.free_space_mb"
            )
        return False
