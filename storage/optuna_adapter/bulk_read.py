"""Optuna's database storage with bulk reads: a third of the time, and waiting trials only once.

Optuna makes an ORM object for each of some fifty rows of a trial, and discards it: two seconds for
a thousand trials. Here the rows are read as tuples, and passed to the function by which Optuna
makes its trials. Before every choice of parameters Optuna also rereads all trials that have not
ended; with some hundred paused ones that took a second. The sole writer of a study need not reread
a waiting trial before it has written to it. Both rely on private names of Optuna; a test compares
every trial with Optuna's own.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Container
from types import SimpleNamespace
from typing import Any

import sqlalchemy
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.storage.location.url import sqlalchemy_address, sqlite_path

ALL = -1
NAMED = 500
"""Most trials named in one query; for more, all trials of the study are read."""
_PARTS: dict[str, Any] = {
    "params": models.TrialParamModel,
    "values": models.TrialValueModel,
    "user_attributes": models.TrialUserAttributeModel,
    "system_attributes": models.TrialSystemAttributeModel,
    "intermediate_values": models.TrialIntermediateValueModel,
}
"""Tables, by their names in Optuna's model of a trial."""


class BulkReadStorage(RDBStorage):
    """An ``RDBStorage`` that reads the rows of a study's trials in bulk.

    Args:
        skip_table_creation: Whether the tables exist, or nothing may be written.
        check: Called with the session at the start of every transaction of many calls; its error
            ends the transaction.
        is_checked: Whether the tables are known to be of this version. Optuna reads the scripts of
            all its migrations to find that out.
        is_sole_writer: Whether it reads the trials of one study only, and no other process writes
            to them; a waiting trial is then not reread until it is written to.
    """

    def __init__(
        self,
        url: str,
        engine_kwargs: dict[str, Any] | None = None,
        *,
        skip_table_creation: bool = False,
        is_checked: bool = False,
        is_sole_writer: bool = False,
        check: Callable[[Any], None] | None = None,
    ) -> None:
        path = sqlite_path(url)
        address = url if path is None else sqlalchemy_address(path)
        super().__init__(
            address,
            engine_kwargs,
            skip_compatibility_check=is_checked,
            skip_table_creation=skip_table_creation,
        )
        self.url = url  # as it is shown in messages
        self.check = check
        self._is_sole_writer = is_sole_writer
        self._cached_waiting: set[int] = set()

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        if states is not None:
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        if trial_id_greater_than == ALL:
            self._cached_waiting.clear()
        included = included_trial_ids - self._cached_waiting
        if len(included) > NAMED:
            trial_id_greater_than = ALL
        trial = models.TrialModel
        wanted = trial.study_id == study_id
        if trial_id_greater_than != ALL:
            newer = trial.trial_id > trial_id_greater_than
            wanted &= newer | trial.trial_id.in_(included) if included else newer
        with _create_scoped_session(self.scoped_session) as session:
            models.StudyModel.find_or_raise_by_id(study_id, session)
            rows = session.execute(
                sqlalchemy.select(
                    trial.trial_id,
                    trial.number,
                    trial.state,
                    trial._datetime_start_utc,
                    trial._datetime_complete_utc,
                )
                .where(wanted)
                .order_by(trial.trial_id)
            ).all()
            rows = [row for row in rows if row.trial_id not in self._cached_waiting]
            parts = self._parts(session, [row.trial_id for row in rows], study_id)
        if self._is_sole_writer:
            self._cached_waiting |= {
                row.trial_id for row in rows if row.state is TrialState.WAITING
            }
        return [self._trial(row, parts[row.trial_id]) for row in rows]

    def check_trial_is_updatable(self, trial_id: int, trial_state: TrialState) -> None:
        """Check it as Optuna does before every change, and reread the trial after the change."""
        self._cached_waiting.discard(trial_id)
        super().check_trial_is_updatable(trial_id, trial_state)

    def _parts(
        self, session: Any, trial_ids: Collection[int], study_id: int
    ) -> dict[int, dict[str, list[Any]]]:
        """Return the rows of trials, by trial and table."""
        trial = models.TrialModel
        parts: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        if not trial_ids:
            return parts
        for name, model in _PARTS.items():
            table = model.__table__
            of_study = sqlalchemy.select(trial.trial_id).where(trial.study_id == study_id)
            whose = table.c.trial_id.in_(trial_ids if len(trial_ids) <= NAMED else of_study)
            for row in session.execute(sqlalchemy.select(table).where(whose)):
                parts[row.trial_id][name].append(row)
        return parts

    def _trial(self, row: Any, parts: dict[str, list[Any]]) -> FrozenTrial:
        # The attributes that Optuna reads of its ORM objects, on a lighter object.
        model: Any = models.TrialModel
        clock = SimpleNamespace(_datetime_start_utc=row[3], _datetime_complete_utc=row[4])
        light: Any = SimpleNamespace(
            trial_id=row.trial_id,
            number=row.number,
            state=row.state,
            datetime_start=model.datetime_start.fget(clock),
            datetime_complete=model.datetime_complete.fget(clock),
            **{name: parts[name] for name in _PARTS},
        )
        return self._build_frozen_trial_from_trial_model(light)
