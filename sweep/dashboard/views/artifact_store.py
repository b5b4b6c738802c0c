"""The artifacts of trials: pictures, drawn when somebody looks, and what was uploaded."""

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
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.storage.durable_files.atomic import make_private_folder, write_durably
from fieldsharp.storage.location.owned_folders import check_files_folder, check_folder, open_to_read
from fieldsharp.storage.location.paths import artifacts_folder
from fieldsharp.storage.optuna_adapter.internals import id_of_study
from fieldsharp.sweep.pictures.style import LIGHT
from fieldsharp.sweep.pictures.trial_pictures import can_be_drawn, draw
from fieldsharp.sweep.pictures.trial_view import TrialView
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.artifacts import TrialPicture, picture_of
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.trial_records import (
    FACTS,
    IDENTITY,
    complete_baseline,
    read_kept,
    trial_record,
    trial_spec,
)

logger = logging.getLogger(__name__)
KEPT = 400
"""Pictures: of some 90 kB each, so 36 MB."""


class PictureArtifactStore(FileSystemArtifactStore):
    """Optuna's store in a folder, which draws the pictures of trials when they are asked for.

    Pictures are kept in memory and not in the folder: they cost a quarter of a second, and a file
    would outlive the program that drew it. Safe to use from several threads.

    Args:
        storage: Of the studies.
        url: Its address; files stand beside it.

    Raises:
        ConfigError: If the folder beside it may not be used, see
            ``storage.location.owned_folders``.
    """

    def __init__(self, storage: BaseStorage, url: str) -> None:
        check_files_folder(url, "read")
        self._folder = artifacts_folder(url)
        super().__init__(self._folder)
        self._storage = storage
        self._url = url
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return what an artifact holds.

        Raises:
            ArtifactNotFound: If it was removed, or what it would be drawn from is not there.
        """
        picture = picture_of(artifact_id)
        if picture is None:
            return self._uploaded(artifact_id)
        with self._one_at_a_time:  # matplotlib draws one at a time; whoever waited finds it drawn
            content = self._kept.get(artifact_id) or self._drawn(picture)
        if content is None:
            raise ArtifactNotFound(f"there is nothing to draw {artifact_id} from")
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
            ValueError: If it would be written elsewhere.
        """
        make_private_folder(self._folder)
        write_durably(self._path(artifact_id), content_body.read())

    def remove(self, artifact_id: str) -> None:
        """Remove what was uploaded; a picture is no file, and goes with its trial.

        Raises:
            ArtifactNotFound: If it is not there.
        """
        if picture_of(artifact_id) is None:
            super().remove(artifact_id)

    def _path(self, artifact_id: str) -> Path:
        if Path(artifact_id).name != artifact_id:
            raise ValueError("it leads out of the folder")
        return self._folder / artifact_id

    def _uploaded(self, artifact_id: str) -> BinaryIO:
        try:
            check_folder(self._folder, "read")
            return os.fdopen(open_to_read(self._path(artifact_id)), "rb")
        except (OSError, ValueError, ConfigError) as error:
            raise ArtifactNotFound(f"{artifact_id} cannot be read ({error})") from error

    def _drawn(self, picture: TrialPicture) -> bytes | None:
        try:
            view = self._view(picture)
            if view is None or not can_be_drawn(picture.picture, view):
                return None
            content = draw(picture.picture, view, LIGHT)
        except (StudyError, ConfigError) as error:
            logger.warning("trial %d: %s", picture.number, error)
            return None
        if view.baseline is not None:  # else the next look may find one to compare with
            self._kept[picture.artifact_id] = content
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return content

    def _view(self, picture: TrialPicture) -> TrialView | None:
        """Return what a picture is drawn from, None where any of it is missing."""
        studies = self._storage.get_all_studies()
        study = next((s for s in studies if s.user_attrs.get(IDENTITY) == picture.identity), None)
        if study is None:
            return None
        trials = self._storage.get_all_trials(id_of_study(study), deepcopy=False)
        trial = next((t for t in trials if _is_meant(t, picture)), None)
        files = StudyWorkspace(self._url, picture.identity)
        observed, sample = files.observed(), files.preview(picture.number)
        record = trial_record(trial) if trial is not None else None
        if record is None or observed is None or sample is None:
            return None
        baseline = complete_baseline(trials)
        facts = read_kept(DataSummary, study.user_attrs.get(FACTS), "facts of the study")
        return TrialView(
            number=picture.number,
            feasible=record.feasible,
            observed=observed,
            sample=sample,
            baseline=files.preview(baseline.number)
            if baseline is not None and baseline.number != picture.number
            else None,
            by_lead=record.judgement.by_lead,
            targets=facts.targets,
            units=facts.units,
        )


def _is_meant(trial: FrozenTrial, picture: TrialPicture) -> bool:
    spec = trial_spec(trial) if trial.number == picture.number else None
    return spec is not None and spec.fingerprint.startswith(picture.fingerprint)
