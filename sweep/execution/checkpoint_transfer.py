"""Copies a study's checkpoints to and from the mirror that all nodes of a cluster see."""

import logging
from pathlib import Path

from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync

logger = logging.getLogger(__name__)


class CheckpointTransfer:
    """Copies checkpoints between a study's folder and the mirror that all nodes see.

    The folder is that of the study's files, above those of its checkpoints. A failed copy is a
    warning: the trial is then trained from an older checkpoint.
    """

    def __init__(self, mirror: CheckpointSync, folder: Path) -> None:
        self._mirror = mirror
        self._folder = folder.resolve()

    def name(self, checkpoints: Path) -> str:
        """Return the name of a trial's checkpoints in the mirror."""
        return checkpoints.resolve().relative_to(self._folder.parent).as_posix()

    def send(self, checkpoints: Path, attempt: int) -> None:
        """Copy the checkpoints of a trial to the mirror, for the worker that trains it."""
        try:
            self._mirror.push(checkpoints, self.name(checkpoints), attempt)
        except OSError as error:
            self._warn("cannot be written", error)

    def fetch(self, checkpoints: Path) -> None:
        """Move the checkpoints of a trial that ended from the mirror to the study's folder."""
        self._move(self.name(checkpoints), checkpoints)

    def fetch_all(self) -> None:
        """Do so for all trials, such as those of a coordinator that died."""
        self._move(self._folder.name, self._folder)

    def _move(self, name: str, folder: Path) -> None:
        try:
            self._mirror.pull(name, folder)
        except OSError as error:
            self._warn("cannot be fetched, and stay there", error)
            return
        try:
            self._mirror.remove(name)
        except OSError as error:
            self._warn("cannot be removed there", error)

    def _warn(self, problem: str, error: OSError) -> None:
        logger.warning("checkpoints in %s %s (%s)", self._mirror.url, problem, error)
