"""The files of a study next to its database: spooled results, checkpoints, previews, output."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldsharp.core.errors import ConfigError, TrainingFailed
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.durable_files.owned_folders import check_folder
from fieldsharp.storage.location.paths import check_files_folder, study_folder
from fieldsharp.storage.maintenance.inspect import free_mb
from fieldsharp.storage.trial_files.checkpoints import (
    epochs_done,
    keep_last,
    numbers_with_checkpoints,
    remove_checkpoints,
    trial_folder,
)
from fieldsharp.storage.trial_files.outputs import PreviewStore, read_script_output
from fieldsharp.storage.trial_files.result_spool import ResultSpool
from fieldsharp.sweep.study.epoch_report import count_logged_epochs
from fieldsharp.sweep.study.files.artifacts import Picture, pictures_of
from fieldsharp.sweep.study.files.previews import ObservedPreview, TrialPreview
from fieldsharp.sweep.study.files.spooled_result import SpooledResult, result_from_text
from fieldsharp.sweep.study.trial_spec import Part

logger = logging.getLogger(__name__)


class StudyWorkspace:
    """The files of one study; written by its coordinator alone.

    Args:
        identity: See ``storage.location.paths``.
        kind: Folder of the checkpoints: ``trials`` for those of the search, ``confirm`` for those
            of the confirmation.

    Raises:
        ConfigError: If a folder of it may not be used, see ``storage.durable_files.owned_folders``.
    """

    def __init__(self, url: str, identity: str, kind: str = "trials") -> None:
        self._url = url
        self.folder = study_folder(url, identity)
        self._checkpoints = self.folder / kind
        check_files_folder(url, "read")
        check_folder(self.folder, "read")
        for name in ("spool", "samples", "output", "project", "tracking", kind):
            check_folder(self.folder / name, "read")
        self._spool = ResultSpool(self.folder / "spool")
        self._previews = PreviewStore(self.folder / "samples")
        self._warnings: set[str] = set()

    def make(self) -> None:
        """Create the folder.

        Raises:
            ConfigError: If it cannot be created, or an existing one may not be written to.
        """
        check_files_folder(self._url, "write")
        check_folder(self.folder, "write")
        try:
            make_private_folder(self.folder)
        except OSError as error:
            raise ConfigError(
                f"the folder {self.folder} cannot be made ({error.strerror}); make the folder of "
                "the database writable, or choose another with --storage"
            ) from error
        for number in numbers_with_checkpoints(self._checkpoints):
            check_folder(self.checkpoints(number), "write")

    def checkpoints(self, number: int) -> Path:
        """Return the folder of a trial's checkpoints, which may not exist yet."""
        return trial_folder(self._checkpoints, number)

    def epochs_done(self, number: int) -> int:
        """Return the epochs in the checkpoints of a trial; unreadable checkpoints do not count."""
        folder = self.checkpoints(number)
        return max(epochs_done(folder), count_logged_epochs(folder))

    def keep_last_checkpoint(self, number: int) -> None:
        """Remove all checkpoints of a paused trial but the last."""
        with self._warn_once():
            keep_last(self.checkpoints(number))

    def spool_result(self, result: SpooledResult) -> None:
        """Write a result to the spool, before it is written to the database.

        A full disk is only logged: the database may still take the result, and the checkpoint
        stays.
        """
        try:
            self._spool.put(result.end.number, result.as_text())
        except OSError as error:
            logger.warning(
                "trial %d: its result cannot be kept beside the database (%s)",
                result.end.number,
                error.strerror or error,
            )

    def remove_result(self, number: int) -> None:
        """Remove a result from the spool that is durable in the database, or of no use."""
        with self._warn_once():
            self._spool.remove(number)

    def save_observed(self, observed: ObservedPreview) -> None:
        """Save the observed preview; on a full disk there are no pictures."""
        try:
            self._previews.put(observed.part, observed.to_bytes())
        except OSError as error:
            logger.warning("pictures cannot be kept (%s)", error.strerror or error)

    def save_preview(self, number: int, preview: TrialPreview) -> list[Picture]:
        """Save the preview of a trial, and return the pictures that can be drawn from it."""
        try:
            self._previews.put(number, preview.to_bytes())
        except OSError as error:
            logger.warning("trial %d: no pictures (%s)", number, error.strerror or error)
            return []
        return pictures_of(preview)

    def preview(self, number: int) -> TrialPreview | None:
        """Return the preview of a trial, None where none was saved.

        Raises:
            StudyError: If another version of this program wrote it.
        """
        content = self._previews.get(number)
        return None if content is None else TrialPreview.from_bytes(content)

    def observed(self, part: Part = "validation") -> ObservedPreview | None:
        """Return the observed preview, None where none was saved.

        Raises:
            StudyError: If another version of this program wrote it.
        """
        content = self._previews.get(part)
        return None if content is None else ObservedPreview.from_bytes(content)

    def output(self, number: int) -> str:
        """Return the output of a trial's script, "" where there is none."""
        return read_script_output(self.folder, number)

    def remove_unknown(self, numbers: Collection[int]) -> None:
        """Remove the checkpoints and previews of all trials but those of the database.

        The database is then a restored copy, which will give their numbers to other trials.
        """
        with self._warn_once():
            for number in numbers_with_checkpoints(self._checkpoints):
                if number not in numbers:
                    remove_checkpoints(self.checkpoints(number))
            self._previews.keep_only(numbers)

    def results(self) -> list[SpooledResult]:
        """Return the results in the spool; those that cannot be read are logged and removed."""
        found = []
        try:
            for number, text in self._spool.results():
                try:
                    found.append(result_from_text(text))
                except TrainingFailed as error:
                    logger.warning("trial %d: %s; it is trained again", number, error)
                    self.remove_result(number)
        except OSError as error:
            logger.warning(
                "results of an earlier start cannot be read (%s: %s): their trials are trained "
                "again",
                error.filename or self._spool.folder,
                error.strerror or error,
            )
        return found

    def tidy(self, finished: Collection[int], best: Collection[int]) -> None:
        """Remove the checkpoints of finished trials, but the last one of each of the best.

        The results of the finished ones must be durable in the database.
        """
        with self._warn_once():
            for number in numbers_with_checkpoints(self._checkpoints):
                if number in best:
                    keep_last(self.checkpoints(number))
                elif number in finished:
                    remove_checkpoints(self.checkpoints(number))

    def free_mb(self) -> float:
        """Return the free space of the disk."""
        return free_mb(self.folder)

    @contextmanager
    def _warn_once(self) -> Iterator[None]:
        """Warn once where a file cannot be removed: it takes disk space, and harms no trial."""
        try:
            yield
        except OSError as error:
            sentence = (
                f"{error.filename or self.folder} cannot be removed ({error.strerror or error})"
            )
            if sentence not in self._warnings:
                logger.warning("%s", sentence)
            self._warnings.add(sentence)
