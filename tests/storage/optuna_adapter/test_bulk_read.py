"""Reading all trials at once, compared with Optuna's own way."""

import math

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.server_url import server_address
from fieldsharp.storage.optuna_adapter.bulk_read import NAMED, BulkReadStorage
from fieldsharp.storage.optuna_adapter.transaction import one_transaction
from fieldsharp.storage.optuna_adapter.trials import set_trial_attributes


def _all_of(trial: FrozenTrial) -> dict[str, object]:
    return {name: value for name, value in vars(trial).items() if name != "_values"} | {
        "values": trial.values
    }


def _same(url: str, study_id: int = 1) -> int:
    ours = open_database(url, "read")
    assert isinstance(ours, BulkReadStorage)
    found = ours.get_all_trials(study_id)
    expected = RDBStorage(server_address(url)).get_all_trials(study_id)
    assert [_all_of(trial) for trial in found] == [_all_of(trial) for trial in expected]
    return len(found)


def test_a_study_that_was_really_run_is_read_alike(finished_url: str) -> None:
    assert _same(finished_url) == 8


def test_trials_of_every_state_and_kind_are_read_alike(database_url: str) -> None:
    storage = open_database(database_url, "write")
    other = optuna.create_study(study_name="other", storage=storage)
    other.add_trial(create_trial(value=1.0))
    study = optuna.create_study(
        study_name="mixed", storage=storage, directions=["minimize", "maximize"]
    )
    for x in (1.0, 0.5):  # one is asked for below, and one waits
        study.enqueue_trial({"x": x}, user_attrs={"who": "a person"})
    study.add_trial(
        create_trial(
            values=[math.inf, -1.0],
            params={"x": 0.5, "kind": "b", "n": 3},
            distributions={
                "n": optuna.distributions.IntDistribution(1, 5),
                "x": optuna.distributions.FloatDistribution(0.1, 1.0, log=True),
                "kind": optuna.distributions.CategoricalDistribution(("a", "b", None)),
            },
            intermediate_values={3: math.nan, 1: -math.inf, 2: 0.25},
            user_attrs={"tree": {"a": [1, None, "ü"]}},
            system_attrs={"constraints:g": 0.5},
        )
    )
    study.add_trial(create_trial(state=TrialState.FAIL))
    study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values={0: 1.0}))
    study.ask()
    storage.engine.dispose()
    ours, theirs = (
        kind.get_all_trials(study._study_id)
        for kind in (open_database(database_url, "read"), RDBStorage(server_address(database_url)))
    )
    assert repr([_all_of(t) for t in ours]) == repr([_all_of(t) for t in theirs])  # with its NaN
    assert len(ours) == 5


def test_a_study_that_is_not_there_is_said_alike(finished_url: str) -> None:
    with pytest.raises(KeyError):
        open_database(finished_url, "read").get_all_trials(99)


def test_within_a_transaction_what_was_just_written_is_read(database_url: str) -> None:
    storage = open_database(database_url, "write")
    study = optuna.create_study(study_name="held", storage=storage)
    with one_transaction(study):
        study.add_trial(create_trial(value=1.0, user_attrs={"a": 1}))
        found = storage.get_all_trials(study._study_id)
        assert [trial.user_attrs for trial in found] == [{"a": 1}]


def test_a_sole_writer_reads_a_waiting_trial_again_only_after_writing_to_it(
    database_url: str,
) -> None:
    storage = open_database(database_url, "write", sole_writer=True)
    study = optuna.create_study(study_name="alone", storage=storage)
    study.tell(study.ask(), 1.0)  # before one has ended Optuna reads all of them
    for x in (0.0, 1.0, 2.0):
        study.enqueue_trial({"x": x})
    study.ask()
    first = study.get_trials(deepcopy=False)
    names = [trial.state.name for trial in first]
    assert names == ["COMPLETE", "RUNNING", "WAITING", "WAITING"]
    again = study.get_trials(deepcopy=False)
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, False, True, True]

    study._storage.set_trial_user_attr(first[2]._trial_id, "paused", 3)
    with one_transaction(study):
        set_trial_attributes(study, first[3], {"note": "a"}, {})
    read = study.get_trials(deepcopy=False)
    assert [trial.user_attrs for trial in read[2:]] == [{"paused": 3}, {"note": "a"}]
    assert study.get_trials(deepcopy=False)[2] is read[2], "it rests again"

    study._storage.set_trial_state_values(first[2]._trial_id, TrialState.RUNNING)
    study.tell(2, 0.5)
    names = [trial.state.name for trial in study.get_trials(deepcopy=False)]
    assert names == ["COMPLETE", "RUNNING", "COMPLETE", "WAITING"]
    assert [t.number for t in study.get_trials(states=(TrialState.WAITING,))] == [3]


def test_what_a_transaction_that_was_undone_did_to_a_waiting_trial_is_forgotten(
    database_url: str,
) -> None:
    storage = open_database(database_url, "write", sole_writer=True)
    study = optuna.create_study(study_name="alone", storage=storage)
    study.add_trial(create_trial(value=1.0))
    study.enqueue_trial({"x": 0.0})
    _, waiting = study.get_trials(deepcopy=False)

    def change_and_fail() -> None:
        with one_transaction(study):
            study._storage.set_trial_user_attr(waiting._trial_id, "paused", 3)
            assert study.get_trials(deepcopy=False)[1].user_attrs == {"paused": 3}
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()
    assert study.get_trials(deepcopy=False)[1].user_attrs == {}


def test_more_waiting_trials_than_a_query_names_are_read(database_url: str) -> None:
    storage = open_database(database_url, "write")
    study = optuna.create_study(study_name="many", storage=storage)
    study.add_trial(create_trial(value=1.0))
    with one_transaction(study):
        for x in range(NAMED + 1):
            study.enqueue_trial({"x": float(x)})
    study.add_trial(create_trial(value=2.0))
    for _ in range(2):
        assert len(study.get_trials(deepcopy=False)) == NAMED + 3


def test_who_is_not_alone_reads_what_another_wrote_to_a_waiting_trial(database_url: str) -> None:
    storage = open_database(database_url, "write")
    study = optuna.create_study(study_name="shared", storage=storage)
    study.enqueue_trial({"x": 0.0})
    looking = optuna.load_study(study_name="shared", storage=open_database(database_url, "read"))
    (waiting,) = looking.get_trials(deepcopy=False)
    study._storage.set_trial_user_attr(waiting._trial_id, "paused", 3)
    assert looking.get_trials(deepcopy=False)[0].user_attrs == {"paused": 3}
