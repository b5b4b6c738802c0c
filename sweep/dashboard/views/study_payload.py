"""The JSON and the CSV of a study for its page.

The stock page does not know the constraints of Optuna 5, so its best trial may break a guard; it
shows attributes as truncated JSON; and it is built anew, from the database, for every request.
"""

import logging
import threading
from collections.abc import Collection

from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage
from pydantic import ValidationError

from fieldsharp.core.errors import FieldsharpError, StudyError
from fieldsharp.storage.optuna_adapter.internals import FrozenStudy, id_of_study
from fieldsharp.sweep.dashboard.views.csv_export import study_csv
from fieldsharp.sweep.dashboard.views.study_cache import StudyCache
from fieldsharp.sweep.study.trial_records import CONFIG, FACTS, IDENTITY

logger = logging.getLogger(__name__)


class StudyPayload:
    """Returns studies as JSON and CSV, from a storage that should cache finished trials.

    Safe to use from several threads.
    """

    def __init__(self, storage: BaseStorage, url: str) -> None:
        self._storage = storage
        self._url = url
        self._caches: dict[int, StudyCache] = {}
        self._lock = threading.Lock()

    def detail(self, study_id: int, after: int) -> bytes | None:
        """Return a study with its trials from number ``after`` on, as JSON.

        None if another program, or another version of this one, wrote the study.
        """
        with self._lock:
            study = self._study(study_id)
            if study is None:
                return None
            try:
                return self._cache(study).as_json(study, after)
            except (StudyError, ValidationError):
                return None

    def csv(self, study_id: int, numbers: Collection[int] | None) -> str | None:
        """Return the trials with these numbers, None for all, as comma-separated values.

        None if another program, or another version of this one, wrote the study.
        """
        study = self._study(study_id)
        if study is None:
            return None
        try:
            trials = self._storage.get_all_trials(study_id, deepcopy=False)
            return study_csv(study, trials, numbers)
        except (StudyError, ValidationError):
            return None

    def read_ahead(self) -> None:
        """Build the JSON of every study, so that the first request for one is quick."""
        try:
            studies = self._storage.get_all_studies()
            for study in studies:
                self.detail(id_of_study(study), after=0)
        except (OptunaError, FieldsharpError, KeyError) as error:
            # A study deleted meanwhile, an unavailable database: requests report it themselves.
            logger.debug("the studies were not read ahead (%s)", error)

    def _study(self, study_id: int) -> FrozenStudy | None:
        """Return a study written by this program, None for any other."""
        for study in self._storage.get_all_studies():
            if id_of_study(study) == study_id and {CONFIG, FACTS} <= study.user_attrs.keys():
                return study
        return None

    def _cache(self, study: FrozenStudy) -> StudyCache:
        cache = self._caches.get(id_of_study(study))
        # A database that was restored or made anew may hold another study under that id.
        if cache is None or cache.identity != study.user_attrs.get(IDENTITY):
            cache = StudyCache(self._storage, self._url, study)
            self._caches[id_of_study(study)] = cache
        return cache
