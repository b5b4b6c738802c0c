"""Several calls of Optuna's storage as one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState
from sqlalchemy import Connection

from fieldsharp.storage.database import open_database
from fieldsharp.storage.optuna_adapter.transaction import one_transaction


@pytest.fixture
def study(database_url: str) -> Study:
    storage = open_database(database_url, "write")
    return optuna.create_study(study_name="s", storage=storage)


@contextmanager
def _other_reader(url: str) -> Iterator[Connection]:
    engine = open_database(url, "read").engine
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _tell(study: Study) -> Trial:
    trial = study.ask()
    trial.suggest_float("x", 0.0, 1.0)
    trial.set_user_attr("a", 1)
    trial.set_constraint("guard", 0.5)
    trial.report(0.25, 0)
    study.tell(trial, 0.125)
    return trial


def test_nothing_is_seen_by_others_before_the_end_and_all_of_it_after(
    study: Study, database_url: str
) -> None:
    tables = ("trials", "trial_params", "trial_user_attributes", "trial_values")
    with _other_reader(database_url) as other:

        def rows() -> list[int]:
            with other.begin():  # or it would go on seeing what there was at its begin
                return [
                    other.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
                    for table in tables
                ]

        with one_transaction(study):
            _tell(study)
            assert rows() == [0, 0, 0, 0], "Optuna no longer works through scoped_session"
        assert rows() == [1, 1, 1, 1]
    (told,) = study.get_trials()
    assert (told.state, told.value, told.user_attrs) == (TrialState.COMPLETE, 0.125, {"a": 1})
    assert told.constraints == {"guard": 0.5}


def test_what_is_read_in_the_middle_is_what_was_written(study: Study) -> None:
    with one_transaction(study):
        trial = study.ask()
        assert [t.state for t in study.get_trials()] == [TrialState.RUNNING]
        trial.set_user_attr("a", 1)
        trial.set_user_attr("a", 2)
        assert study.get_trials()[0].user_attrs == {"a": 2}
        study.tell(trial, 1.0)
        assert study.get_trials()[0].state is TrialState.COMPLETE


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_of_a_block_that_ends_by_an_error_nothing_happened(
    study: Study, error: type[BaseException]
) -> None:
    def fail() -> None:
        with one_transaction(study):
            _tell(study)
            assert len(study.get_trials()) == 1  # also where it was read, and so remembered
            raise error

    with pytest.raises(error):
        fail()
    assert study.get_trials() == []
    with one_transaction(study):
        assert _tell(study).number == 0
    assert [t.state for t in study.get_trials()] == [TrialState.COMPLETE]
