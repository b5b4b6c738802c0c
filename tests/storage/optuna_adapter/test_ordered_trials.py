"""The list of all trials that is kept in order, compared with Optuna's own at every look."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.server_url import server_address
from fieldsharp.storage.optuna_adapter.ordered_trials import with_ordered_trials
from fieldsharp.storage.optuna_adapter.transaction import one_transaction
from fieldsharp.storage.optuna_adapter.trials import set_trial_state

STATES = [None, *(states for size in (1, 2, 5) for states in combinations(TrialState, size))]


@pytest.fixture
def study(database_url: str) -> Study:
    storage = open_database(database_url, "write", sole_writer=True)
    return optuna.create_study(study_name="s", storage=with_ordered_trials(storage))


@pytest.fixture
def other(study: Study, database_url: str) -> Study:
    """Return the same study as another program opens it."""
    return optuna.load_study(
        study_name=study.study_name, storage=RDBStorage(server_address(database_url))
    )


def _require_same(study: Study, other: Study) -> None:
    for states in STATES:
        found = study.get_trials(deepcopy=False, states=states)
        assert found == other.get_trials(deepcopy=False, states=states)
        assert study.get_trials(states=states) == found


def _changes(study: Study, other: Study) -> Iterator[str]:
    yield "nothing yet"
    study.enqueue_trial({"x": 0.5})
    yield "queued"
    first = study.ask()
    first.suggest_float("x", 0.0, 1.0)
    yield "asked for"
    with one_transaction(study):
        set_trial_state(study, first, TrialState.WAITING)
    yield "paused"
    with one_transaction(study):
        set_trial_state(study, first, TrialState.RUNNING)
    yield "resumed"
    study.tell(first, 1.0)
    yield "complete"
    failed, pruned = study.ask(), study.ask()
    yield "two at a time"
    pruned.report(0.5, 1)
    study.tell(pruned, state=TrialState.PRUNED)
    yield "the later one pruned first"
    study.tell(failed, state=TrialState.FAIL)
    yield "failed"
    other.add_trial(create_trial(value=2.0, user_attrs={"who": "another program"}))
    yield "added by another program"
    theirs = other.ask()
    ours = study.ask()
    yield "asked for by both"
    other.tell(theirs, 3.0)
    yield "ended by another program"
    with suppress(ValueError), one_transaction(study):
        study.tell(ours, 4.0)
        study.ask()
        raise ValueError
    yield "rolled back"
    study.tell(ours, 5.0)
    yield "told again"


def test_after_every_change_the_trials_are_those_of_optuna(study: Study, other: Study) -> None:
    seen = []
    for change in _changes(study, other):
        _require_same(study, other)
        seen.append(change)
    assert len(seen) == 14
    assert len(study.trials) == 6


def test_a_trial_is_another_object_only_where_it_changed(study: Study) -> None:
    for value in range(3):
        study.tell(study.ask(), float(value))
    before = study.get_trials(deepcopy=False)
    study.tell(study.ask(), 3.0)
    now = study.get_trials(deepcopy=False)
    assert all(one is was for one, was in zip(now, before, strict=False))
    assert len(now) == 4
    assert before is not now, "what a caller keeps stays as it was"


def test_trials_that_come_to_be_known_late_are_put_in_their_place(
    study: Study, database_url: str
) -> None:
    for value in range(4):
        study.tell(study.ask(), float(value))
    trials = study.get_trials()
    cache, study_id = with_ordered_trials(open_database(database_url, "read")), study._study_id
    cache.get_study_name_from_id(study_id)  # so that the study is known, and no trial of it
    for late in (trials[3:], trials[:2], trials[2:3]):
        cache._add_trials_to_cache(study_id, late)
    assert [trial.number for trial in cache._in_states(study_id, None)] == [0, 1, 2, 3]
