"""The artifacts of trials: pictures that are drawn when somebody looks, and what was uploaded."""

import io
import logging
from contextlib import suppress
from typing import BinaryIO

from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from fields.errors import StudyError
from storage.place import artifacts_folder
from storage.private_files import make_private_folder, write_durably
from sweep.pictures.style import LIGHT
from sweep.pictures.trial_pictures import can_be_drawn, draw
from sweep.pictures.trial_view import TrialView
from sweep.running.study_files import StudyFiles
from sweep.study.artifacts import TrialPicture, picture_of
from sweep.study.facts import StudyFacts
from sweep.study.records import FACTS, IDENTITY, is_baseline, trial_record, trial_spec

logger = logging.getLogger(__name__)


class PictureStore(FileSystemArtifactStore):
    """Optuna's store in a folder, which makes the pictures that are not there yet.

    A picture is drawn at the first look and kept. Safe to use from several threads.

    Args:
        storage: Of the studies.
        url: Its address; files stand beside it.
    """

    def __init__(self, storage: BaseStorage, url: str) -> None:
        self._folder = artifacts_folder(url)
        super().__init__(self._folder)
        self._storage = storage
        self._url = url

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return what an artifact holds.

        Raises:
            ArtifactNotFound: If it was removed, or what it would be drawn from is not there.
        """
        with suppress(ArtifactNotFound, OSError):
            return super().open_reader(artifact_id)
        picture = picture_of(artifact_id)
        content = self._drawn(picture) if picture is not None else None
        if content is None:
            raise ArtifactNotFound(f"there is nothing to show as {artifact_id}")
        try:
            make_private_folder(self._folder)
            write_durably(self._folder / artifact_id, content)
        except OSError as error:  # it is drawn again at the next look
            logger.debug("picture %s is not kept (%s)", artifact_id, error.strerror)
        return io.BytesIO(content)

    def has(self, artifact_id: str) -> bool:
        """Return whether an artifact can be shown; a picture is drawn for it."""
        try:
            self.open_reader(artifact_id).close()
        except ArtifactNotFound:
            return False
        return True

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keep what is uploaded.

        Raises:
            OSError: If it cannot be written.
        """
        make_private_folder(self._folder)
        write_durably(self._folder / artifact_id, content_body.read())

    def remove(self, artifact_id: str) -> None:
        """Remove an artifact; a picture that nobody has looked at is none yet.

        Raises:
            ArtifactNotFound: If it is not there.
        """
        try:
            super().remove(artifact_id)
        except ArtifactNotFound:
            if picture_of(artifact_id) is None:
                raise

    def _drawn(self, picture: TrialPicture) -> bytes | None:
        try:
            view = self._view(picture)
            if view is None or not can_be_drawn(picture.picture, view):
                return None
            return draw(picture.picture, view, LIGHT)
        except StudyError as error:
            logger.warning("trial %d: %s", picture.number, error)
            return None

    def _view(self, picture: TrialPicture) -> TrialView | None:
        """Return what a picture is drawn from, None where any of it is missing."""
        studies = self._storage.get_all_studies()
        study = next((s for s in studies if s.user_attrs.get(IDENTITY) == picture.identity), None)
        if study is None:
            return None
        trials = self._storage.get_all_trials(study._study_id, deepcopy=False)
        trial = next((t for t in trials if _is_meant(t, picture)), None)
        files = StudyFiles(self._url, picture.identity)
        observed, sample = files.observed(), files.sample(picture.number)
        record = trial_record(trial) if trial is not None else None
        if record is None or observed is None or sample is None:
            return None
        baseline = next((t.number for t in trials if is_baseline(t)), None)
        compared = baseline not in (None, picture.number)
        facts = StudyFacts.model_validate(study.user_attrs[FACTS])
        return TrialView(
            number=picture.number,
            feasible=record.feasible,
            observed=observed,
            sample=sample,
            baseline=files.sample(baseline) if compared and baseline is not None else None,
            by_lead=record.judgement.by_lead,
            targets=facts.targets,
            units=facts.units,
        )


def _is_meant(trial: FrozenTrial, picture: TrialPicture) -> bool:
    spec = trial_spec(trial) if trial.number == picture.number else None
    return spec is not None and spec.fingerprint.startswith(picture.fingerprint)
