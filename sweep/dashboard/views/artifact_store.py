"""The artifact store: pictures of trials, drawn on request, and uploaded files."""

import io
import logging
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.storage.durable_files.atomic import make_private_folder, write_durably
from fieldsharp.storage.durable_files.owned_folders import check_folder
from fieldsharp.storage.durable_files.regular_files import open_to_read
from fieldsharp.storage.location.paths import artifacts_folder, check_files_folder
from fieldsharp.storage.optuna_adapter.internals import id_of_study
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.study_source import picture_source
from fieldsharp.sweep.pictures.style import LIGHT
from fieldsharp.sweep.pictures.trial_pictures import can_be_drawn, draw
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.artifacts import TrialPicture, picture_of
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.trial_records import FACTS, IDENTITY, read_stored, trial_spec

logger = logging.getLogger(__name__)
CACHED_PICTURES = 400
"""Of about 90 kB each, so 36 MB."""
OF_THE_STUDY = ("frontier",)
"""Pictures that show other trials too, and so change while the study goes on."""


class PictureArtifactStore(FileSystemArtifactStore):
    """Optuna's store of files beside a database, which also draws pictures of trials on request.

    Pictures are cached in memory and not in the folder: they cost a quarter of a second, and a file
    would outlive the program that drew it. Safe to use from several threads.

    Raises:
        ConfigError: If other users can write to that folder, see
            ``storage.durable_files.owned_folders``.
    """

    def __init__(self, storage: BaseStorage, url: str) -> None:
        check_files_folder(url, "read")
        self._folder = artifacts_folder(url)
        super().__init__(self._folder)
        self._storage = storage
        self._url = url
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._drawing_lock = threading.Lock()

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return the content of an artifact.

        Raises:
            ArtifactNotFound: If it was removed, or the data to draw it from are missing.
        """
        picture = picture_of(artifact_id)
        if picture is None:
            return self._open_upload(artifact_id)
        with self._drawing_lock:  # a second request for a picture waits and finds it in the cache
            content = self._cache.get(artifact_id) or self._draw(picture)
        if content is None:
            raise ArtifactNotFound(f"the data to draw {artifact_id} from are missing")
        return io.BytesIO(content)

    def has(self, artifact_id: str) -> bool:
        """Return whether an artifact can be read; a picture is drawn to find out."""
        try:
            self.open_reader(artifact_id).close()
        except ArtifactNotFound:
            return False
        return True

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Store an uploaded file.

        Raises:
            OSError: If it cannot be written.
            ValueError: If its path leads out of the folder.
        """
        make_private_folder(self._folder)
        write_durably(self._path(artifact_id), content_body.read())

    def remove(self, artifact_id: str) -> None:
        """Remove an uploaded file; pictures are not files and disappear with their trial.

        Raises:
            ArtifactNotFound: If there is no such file.
        """
        if picture_of(artifact_id) is None:
            super().remove(artifact_id)

    def _path(self, artifact_id: str) -> Path:
        if Path(artifact_id).name != artifact_id:
            raise ValueError("the path leads out of the folder")
        return self._folder / artifact_id

    def _open_upload(self, artifact_id: str) -> BinaryIO:
        try:
            check_folder(self._folder, "read")
            return os.fdopen(open_to_read(self._path(artifact_id)), "rb")
        except (OSError, ValueError, ConfigError) as error:
            raise ArtifactNotFound(f"{artifact_id} cannot be read ({error})") from error

    def _draw(self, picture: TrialPicture) -> bytes | None:
        try:
            source = self._source(picture)
            if source is None or not can_be_drawn(picture.picture, source):
                return None
            content = draw(picture.picture, source, LIGHT)
        except (StudyError, ConfigError) as error:
            logger.warning("trial %d: %s", picture.number, error)
            return None
        # A later request may find a baseline to compare with, or further trials.
        if source.baseline is not None and picture.picture not in OF_THE_STUDY:
            self._cache[picture.artifact_id] = content
            while len(self._cache) > CACHED_PICTURES:
                self._cache.popitem(last=False)
        return content

    def _source(self, picture: TrialPicture) -> PictureSource | None:
        """Return the data that a picture is drawn from, None where any are missing."""
        studies = self._storage.get_all_studies()
        study = next((s for s in studies if s.user_attrs.get(IDENTITY) == picture.identity), None)
        if study is None:
            return None
        trials = self._storage.get_all_trials(id_of_study(study), deepcopy=False)
        trial = next((t for t in trials if t.number == picture.number), None)
        spec = trial_spec(trial) if trial is not None else None
        if trial is None or spec is None or not spec.fingerprint.startswith(picture.fingerprint):
            return None
        summary = read_stored(DataSummary, study.user_attrs.get(FACTS), "facts of the study")
        files = StudyWorkspace(self._url, picture.identity)
        return picture_source(trial, trials, summary, files, picture.variable)
