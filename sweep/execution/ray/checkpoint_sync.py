"""The checkpoints of a study between the folder beside its database and where nodes see them."""

import logging
from pathlib import Path

from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync

logger = logging.getLogger(__name__)


class CheckpointTransfer:
    """Carries checkpoints out with a trial, and home with its end; what fails is a warning.

    Args:
        mirror: Where they travel.
        folder: Of the study's files, below which its checkpoints are.
    """

    def __init__(self, mirror: CheckpointSync, folder: Path) -> None:
        self._mirror = mirror
        self._folder = folder.resolve()

    def name(self, checkpoints: Path) -> str:
        """Return the name of a trial's checkpoints in the mirror."""
        return checkpoints.resolve().relative_to(self._folder.parent).as_posix()

    def send(self, checkpoints: Path, attempt: int) -> None:
        """Have the checkpoints of a trial in the mirror, for the worker that takes it."""
        try:
            self._mirror.push(checkpoints, self.name(checkpoints), attempt)
        except OSError as error:
            self._warn("cannot be written", error)

    def take_home(self, checkpoints: Path) -> None:
        """Have the checkpoints of a trial that is at its end beside the database alone."""
        self._take(self.name(checkpoints), checkpoints)

    def take_all_home(self) -> None:
        """Do the same for all trials: the workers of a coordinator that died wrote until then."""
        self._take(self._folder.name, self._folder)

    def _take(self, name: str, folder: Path) -> None:
        try:
            self._mirror.pull(name, folder)
        except OSError as error:
            self._warn("cannot be fetched, and stay there", error)
            return
        try:
            self._mirror.remove(name)
        except OSError as error:
            self._warn("cannot be removed there", error)

    def _warn(self, what: str, error: OSError) -> None:
        logger.warning("checkpoints in %s %s (%s)", self._mirror.url, what, error)
