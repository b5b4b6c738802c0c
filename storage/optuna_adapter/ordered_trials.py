"""Optuna's cache of trials, whose list of all trials is kept in order.

Optuna sorts all trials at each look and looks at each for its state, several times a trial of a
sweep. Here trials are kept by number from one look to the next, and only unfinished ones are looked
at for a state that a finished one can't have. That relies on private names of Optuna; a test
compares every list with Optuna's own.
"""

import copy
from collections.abc import Container

from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial, TrialState

FINISHED = tuple(state for state in TrialState if state.is_finished())


class OrderedTrialCache(_CachedStorage):
    """Optuna's cache in front of a database; give it to ``create_study`` in place of the database.

    A trial that has changed is another object in the next list, one that has not is the same.
    """

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study in some states, by number; None for all states."""
        self._read_trials_from_remote_storage(study_id)
        with self._lock:
            trials = self._in_states(study_id, states)
        return copy.deepcopy(trials) if deepcopy else trials

    def _in_states(self, study_id: int, states: Container[TrialState] | None) -> list[FrozenTrial]:
        study = self._studies[study_id]
        if states is None:
            return list(study.trials.values())
        if any(state in states for state in FINISHED):
            return [trial for trial in study.trials.values() if trial.state in states]
        places = (self._trial_id_to_study_id_and_number[one] for one in study.unfinished_trial_ids)
        unfinished = (study.trials[number] for _, number in places)
        return sorted((t for t in unfinished if t.state in states), key=lambda trial: trial.number)

    def _add_trials_to_cache(self, study_id: int, trials: list[FrozenTrial]) -> None:
        study = self._studies[study_id]
        newest, is_late = next(reversed(study.trials), -1), False
        for trial in trials:
            is_late |= trial.number < newest and trial.number not in study.trials
            newest = max(newest, trial.number)
        super()._add_trials_to_cache(study_id, trials)
        if is_late:  # a dictionary keeps the order in which its keys came
            study.trials = dict(sorted(study.trials.items()))


def with_ordered_trials(storage: RDBStorage) -> OrderedTrialCache:
    """Return a database with a cache of its trials, as ``create_study`` and ``load_study`` take."""
    return OrderedTrialCache(storage)
