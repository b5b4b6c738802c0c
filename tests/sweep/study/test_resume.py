"""The configuration a study is gone on with."""

from pathlib import Path

import pytest

from fieldsharp.core.errors import BadInput, ConfigError, StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import open_or_create_study
from fieldsharp.sweep.study.resume import resumable


@pytest.fixture
def url(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> str:
    open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)
    return storage_url


def test_without_options_it_is_the_one_it_was_started_with(
    url: str, tiny_config: SweepConfig
) -> None:
    assert resumable("tiny", url, None, None, None) == tiny_config


def test_options_change_the_budget_and_the_workers_and_nothing_else(
    url: str, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    found = resumable("tiny", url, 99, 7, "2h")
    assert (found.budget.trials, found.workers.count, found.budget.timeout) == (99, 7, "2h")
    assert found.run == tiny_config.run
    assert found.search == tiny_config.search
    open_or_create_study(open_database(url, "write"), found, tiny_facts)
    assert resumable("tiny", url, None, None, None) == found, "kept for the next time"


@pytest.mark.parametrize(
    ("trials", "workers", "timeout", "words"),
    [
        (0, None, None, "budget.trials"),
        (None, 0, None, "workers.count"),
        (None, None, "soon", "budget.timeout"),
    ],
)
def test_an_option_out_of_range_is_named(
    url: str, trials: int | None, workers: int | None, timeout: str | None, words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        resumable("tiny", url, trials, workers, timeout)
    assert "the command line" in str(refused.value)


def test_a_time_limit_can_be_taken_away_and_the_data_be_found_elsewhere(
    url: str, tmp_path: Path
) -> None:
    found = resumable("tiny", url, timeout="none", data=tmp_path / "moved.nc")
    assert found.budget.timeout is None
    assert found.data.path == str(tmp_path / "moved.nc")


def test_a_study_that_is_run_already_is_refused(url: str) -> None:
    with StudyLock(url, "tiny"), pytest.raises(StudyError, match="'tiny' is being run by process"):
        resumable("tiny", url, None, None, None)


def test_an_unknown_study_and_a_missing_database_are_named(url: str, storage_url: str) -> None:
    with pytest.raises(StudyError, match="did you mean 'tiny'"):
        resumable("tinny", url, None, None, None)
    with pytest.raises(ConfigError, match="there is no database at"):
        resumable("tiny", storage_url.replace("x.db", "y.db"), None, None, None)
