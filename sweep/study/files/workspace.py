"""A study's files beside its database: results not yet told, checkpoints, and room for more."""

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
        url: Address of the database.
        identity: Of the study, see ``storage.location.paths``.
        kind: Whose checkpoints: of the ``trials`` of the search, or of those that ``confirm`` it.

    Raises:
        ConfigError: If a folder of it may not be used, see ``storage.durable_files.owned_folders``.
    """

    def __init__(self, url: str, identity: str, kind: str = "trials") -> None:
        self._url = url
        self.folder = study_folder(url, identity)
        self._checkpoints = self.folder / kind
        check_files_folder(url, "read")
        check_folder(self.folder, "read")
        for name in ("spool", "samples", "output", "project", kind):
            check_folder(self.folder / name, "read")
        self._spool = ResultSpool(self.folder / "spool")
        self._samples = PreviewStore(self.folder / "samples")
        self._troubles: set[str] = set()

    def make(self) -> None:
        """Make the folder.

        Raises:
            ConfigError: If it cannot be made, or one that is there may not be written into.
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
        """Return the folder of a trial's checkpoints; it may not be there yet."""
        return trial_folder(self._checkpoints, number)

    def epochs_done(self, number: int) -> int:
        """Return how far the checkpoints of a trial reach; what cannot be read counts as none."""
        folder = self.checkpoints(number)
        return max(epochs_done(folder), count_logged_epochs(folder))

    def keep_last_checkpoint(self, number: int) -> None:
        """Remove all checkpoints of a trial that is paused but the last."""
        with self._said():
            keep_last(self.checkpoints(number))

    def spool_result(self, result: SpooledResult) -> None:
        """Write a result down at once, before the database has it.

        Where the disk takes none, the database is still to be tried, and the checkpoint is there.
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
        """Remove a result that is safe in the database, or of no use."""
        with self._said():
            self._spool.remove(number)

    def save_observed(self, observed: ObservedPreview) -> None:
        """Keep what was observed; where the disk takes none, there are no pictures."""
        try:
            self._samples.put_observed(observed.part, observed.to_bytes())
        except OSError as error:
            logger.warning("pictures cannot be kept (%s)", error.strerror or error)

    def save_preview(self, number: int, sample: TrialPreview) -> list[Picture]:
        """Keep what pictures of a trial are drawn from, and return which there are."""
        try:
            self._samples.put_trial(number, sample.to_bytes())
        except OSError as error:
            logger.warning("trial %d: no pictures (%s)", number, error.strerror or error)
            return []
        return pictures_of(sample)

    def preview(self, number: int) -> TrialPreview | None:
        """Return what pictures of a trial are drawn from, None where there is nothing to draw.

        Raises:
            StudyError: If another version of this program wrote it.
        """
        content = self._samples.trial(number)
        return None if content is None else TrialPreview.from_bytes(content)

    def observed(self, part: Part = "validation") -> ObservedPreview | None:
        """Return what was observed, None where it was not kept.

        Raises:
            StudyError: If another version of this program wrote it.
        """
        content = self._samples.observed(part)
        return None if content is None else ObservedPreview.from_bytes(content)

    def output(self, number: int) -> str:
        """Return what the script of a trial printed, "" where there is nothing."""
        return read_script_output(self.folder, number)

    def remove_unknown(self, numbers: Collection[int]) -> None:
        """Remove the checkpoints and samples of trials the database does not have.

        It is then a copy put back, in which a number not given yet will be another trial's.
        """
        with self._said():
            for number in numbers_with_checkpoints(self._checkpoints):
                if number not in numbers:
                    remove_checkpoints(self.checkpoints(number))
            self._samples.keep_only(numbers)

    def results(self) -> list[SpooledResult]:
        """Return the results that no coordinator has told; those that cannot be read are said."""
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
        """Keep of the finished trials the last checkpoint of the best, and no other.

        Args:
            finished: Trials that are in the database for good.
            best: Those among them that are wanted.
        """
        with self._said():
            for number in numbers_with_checkpoints(self._checkpoints):
                if number in best:
                    keep_last(self.checkpoints(number))
                elif number in finished:
                    remove_checkpoints(self.checkpoints(number))

    def free_mb(self) -> float:
        """Return how much space the disk has left."""
        return free_mb(self.folder)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say once where a file cannot be removed: it costs room, and no trial."""
        try:
            yield
        except OSError as error:
            sentence = (
                f"{error.filename or self.folder} cannot be removed ({error.strerror or error})"
            )
            if sentence not in self._troubles:
                logger.warning("%s", sentence)
            self._troubles.add(sentence)
