"""What a budget allows, by number and by time."""

import logging

import pytest

from fieldsharp.sweep.configuration.execution import BudgetSettings
from fieldsharp.sweep.engine.scheduler import Budget
from tests.sweep.fake_sweep import Clock


def test_trials_of_the_budget_may_be_started_and_no_more() -> None:
    allowance = Budget("s", BudgetSettings(trials=3), Clock())
    assert [allowance.left(begun) for begun in range(5)] == [3, 2, 1, 0, 0]


def test_none_is_started_after_the_time_limit_which_counts_from_the_beginning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    allowance = Budget("s", BudgetSettings(trials=3, timeout="10s"), clock)
    clock.now += 100.0
    allowance.begin()
    clock.now += 9.5
    assert allowance.goes_on(needless="")
    clock.now += 0.5
    assert not any(allowance.goes_on(needless="") for _ in range(2))
    said = "s: the time limit of 10s is reached, no more trials are started"
    assert [record.getMessage() for record in caplog.records] == [said], "once"


def test_none_is_started_where_it_could_mend_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    allowance = Budget("s", BudgetSettings(trials=3), Clock())
    assert not any(allowance.goes_on(needless="nothing to fix") for _ in range(2))
    assert caplog.text.count("s: nothing to fix") == 1
