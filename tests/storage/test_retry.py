"""Waiting for a database that is away."""

import pytest

from fieldsharp.core.errors import StorageError, StorageUnavailable
from fieldsharp.storage.retry import LONGEST_DELAY_S, RETRY_WHEN_STOPPING_S, DatabaseRetry


class Database:
    """Answers from some moment on; the clock moves only while it is waited for."""

    def __init__(self, away_s: float) -> None:
        self.now = 0.0
        self.away_s = away_s
        self.calls = 0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def answer(self) -> str:
        self.calls += 1
        if self.now < self.away_s:
            raise StorageUnavailable("database is locked")
        return "here"

    def patience(self, limit_s: float) -> DatabaseRetry:
        return DatabaseRetry(limit_s, clock=lambda: self.now, sleep=self.sleep)


def test_what_succeeds_is_called_once() -> None:
    database = Database(0.0)
    assert database.patience(60.0).call(database.answer) == "here"
    assert (database.calls, database.pauses) == (1, [])


def test_what_is_away_for_less_than_the_limit_is_waited_for() -> None:
    database = Database(40.0)
    assert database.patience(60.0).call(database.answer) == "here"
    assert 40.0 <= database.now < 40.0 + LONGEST_DELAY_S


def test_what_is_away_for_longer_is_given_up_soon_after_the_limit() -> None:
    database = Database(1e9)
    with pytest.raises(StorageUnavailable, match="database is locked"):
        database.patience(60.0).call(database.answer)
    assert 60.0 <= database.now < 60.0 + LONGEST_DELAY_S


def test_pauses_grow_and_stay_short_enough_to_notice_it_is_back() -> None:
    database = Database(60.0)
    database.patience(100.0).call(database.answer)
    assert database.pauses[0] <= 0.1
    assert max(database.pauses[:3]) < max(database.pauses[5:]) <= LONGEST_DELAY_S


def test_every_call_has_the_whole_limit() -> None:
    database = Database(50.0)
    patience = database.patience(60.0)
    patience.call(database.answer)
    database.away_s = database.now + 50.0
    assert patience.call(database.answer) == "here"


def test_a_stop_ends_the_waiting_after_a_moment() -> None:
    database = Database(1e9)
    patience = database.patience(1e6)
    patience.stopping = lambda: database.now >= 20.0
    with pytest.raises(StorageUnavailable):
        patience.call(database.answer)
    assert 20.0 <= database.now <= 20.0 + RETRY_WHEN_STOPPING_S + 2 * LONGEST_DELAY_S


def test_once_given_up_nothing_is_waited_for() -> None:
    database = Database(1e9)
    patience = database.patience(600.0)
    patience.give_up()
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            patience.call(database.answer)
    assert (database.calls, database.now) == (3, 0.0)


@pytest.mark.parametrize("error", [StorageError("it is damaged"), ValueError("no number")])
def test_other_errors_are_not_waited_for(error: Exception) -> None:
    database = Database(0.0)

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        database.patience(60.0).call(fail)
    assert database.pauses == []
