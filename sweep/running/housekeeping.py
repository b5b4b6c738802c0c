"""What a coordinator does beside its trials: copies of the database, and a look at the disk."""

import logging
import time
from collections.abc import Callable

from fields.errors import FieldsharpError, StorageError
from storage.backup import back_up
from sweep.configuration.duration import seconds
from sweep.configuration.settings import RecoverySettings
from sweep.running.study_files import StudyFiles

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0


class Housekeeping:
    """Backs the database up while it changes, and says when there is no room for a trial.

    Args:
        url: Address of the database.
        files: Of the study.
        settings: How often, how many, how much room.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        url: str,
        files: StudyFiles,
        settings: RecoverySettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._files = files
        self._settings = settings
        self._clock = clock
        self._backed_up_at: float | None = None
        self._changed = False
        self._looked_at: float | None = None
        self._full_since: float | None = None

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
        if not self._changed:
            return
        self._backed_up_at = self._clock()
        try:
            back_up(self._url, self._settings.backups)
        except StorageError as error:
            logger.warning("the database was not copied: %s", error)
        else:
            self._changed = False

    def has_room(self) -> bool:
        """Return whether the disk has room for another trial.

        Raises:
            FieldsharpError: If it had none for longer than a full disk is waited for.
        """
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY_S:
            return self._full_since is None
        self._looked_at = now
        free_mb, floor_mb = self._files.free_mb(), self._settings.free_space_mb
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
        if now - self._full_since >= seconds(self._settings.patience):
            raise FieldsharpError(
                f"the disk of {self._files.folder} has had less than {floor_mb} MB free for "
                f"{self._settings.patience} ({free_mb:.0f} MB now); make room and resume, or lower "
                "recovery.free_space_mb"
            )
        return False
