"""What a coordinator does beside its trials: copies of the database, and a look at the disk."""

import logging
import time
from collections.abc import Callable

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.sweep.configuration.execution import RecoverySettings, seconds
from fieldsharp.sweep.study.files.workspace import StudyWorkspace

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
TRY_DATA_EVERY_S = 5.0


class Maintenance:
    """Backs the database up while it changes, and says when no trial can be started.

    Args:
        url: Address of the database.
        files: Of the study.
        settings: How often, how many, how much room.
        clock: Seconds that never run backwards.
        go_on: What is done to go on with the work once it has ended.
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
        self._looked_at: float | None = None
        self._full_since: float | None = None
        self._is_room_known = True
        self._data_away_since: float | None = None
        self._data_tried_at = 0.0

    def changed(self) -> None:
        """Note that a trial was told: the copies there are lack it."""
        self._changed = True

    def back_up_if_due(self) -> None:
        """Copy the database after the first change, and then every so often while it changes."""
        every_s = seconds(self._settings.backup_every)
        due = self._backed_up_at is None or self._clock() - self._backed_up_at >= every_s
        if self._changed and due:
            self.back_up()

    def back_up(self) -> None:
        """Copy the database where it has changed; one that fails is said, and tried again later."""
        if not self._changed or sqlite_path(self._url) is None:
            return  # a server's database is copied by the server's own programs
        self._backed_up_at = self._clock()
        try:
            back_up(self._url, self._settings.backups)
        except (FieldsharpError, OSError) as error:
            logger.warning("the database was not copied: %s", error)
        else:
            self._changed = False

    def cannot_train(self, reason: str, then: str) -> None:
        """Note that no trial can be trained now: this one waits, and is tried again soon.

        Args:
            reason: The data cannot be read, or no process can be started.
            then: What to do before the work is gone on with.

        Raises:
            FieldsharpError: If it could not for longer than is waited for.
        """
        now = self._clock()
        self._data_tried_at = now
        if self._data_away_since is None:
            self._data_away_since = now
            logger.warning("%s: it is waited for, for up to %s", reason, self._settings.patience)
        if now - self._data_away_since >= seconds(self._settings.patience):
            raise FieldsharpError(f"{reason}; {then} and {self._go_on}")

    def can_train(self) -> None:
        """Note that a worker has what it needs, and trains."""
        self._data_away_since = None

    def can_start(self, *, idle: bool) -> bool:
        """Return whether another trial can be started: there is data, and room on the disk.

        Args:
            idle: Whether no trial is at work: one that is may make room, and is not given up.

        Raises:
            FieldsharpError: If there was no room for longer than a full disk is waited for.
        """
        waits = self._data_away_since is not None
        if waits and self._clock() - self._data_tried_at < TRY_DATA_EVERY_S:
            return False
        return self._has_room(idle=idle)

    def _free_mb(self) -> float | None:
        """Return how much space is left, None while the disk does not say; that is said once."""
        try:
            free_mb = self._files.free_mb()
        except OSError as error:
            if self._is_room_known:
                logger.warning(
                    "the free space of %s is not known (%s): trials are started all the same",
                    self._files.folder,
                    error.strerror or error,
                )
            self._is_room_known = False
            return None
        if not self._is_room_known:
            logger.warning("the free space is known again: %.0f MB", free_mb)
        self._is_room_known = True
        return free_mb

    def _has_room(self, *, idle: bool) -> bool:
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY_S:
            return self._full_since is None
        self._looked_at = now
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
