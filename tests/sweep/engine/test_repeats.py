"""The leaders of a search trained with further seeds, with real trainings on the tiny data."""

import signal
from pathlib import Path

import pytest
from optuna.study import Study

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.execution import RecoverySettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.repeats import repeat_leaders
from fieldsharp.sweep.engine.seed_trainings import SeedTrainings
from fieldsharp.sweep.study.confirmation.runs import read_runs
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study, study_identity
from fieldsharp.sweep.study.repeats import Repeats, read_repeats
from tests.sweep.engine.confirming import (
    BASE,
    GRADIENT,
    LAST,
    SORTED,
    TRIALS,
    Executor,
    Trainings,
    add_trial,
    study_to_confirm,
)

LEADERS = (SORTED, GRADIENT, LAST)


@pytest.fixture(scope="module")
def trainings(tiny_data: ForecastData) -> Trainings:
    return Trainings(tiny_data)


class Bench:
    """A study whose leaders are trained again."""

    def __init__(self, url: str, config: SweepConfig, facts: DataSummary) -> None:
        self.url, self.config, self.facts = url, config, facts
        self.study: Study = study_to_confirm(url, config, facts)

    def repeat(self, executor: Executor) -> Repeats | None:
        files = StudyWorkspace(self.url, study_identity(self.study), kind="repeats")
        files.make()
        self.folder = files.folder / "repeats"
        training = SeedTrainings(
            self.study, self.url, executor, files, RecoverySettings(), again="go on with resume"
        )
        signal.signal(signal.SIGTERM, lambda *_: training.request_stop())
        return repeat_leaders(self.study, self.url, self.config, self.facts, training)


@pytest.fixture
def bench(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> Bench:
    return Bench(storage_url, tiny_config, tiny_facts)


def test_leaders_get_seeds_until_it_is_clear_that_too_few_windows_tell_nothing(
    bench: Bench, storage_url: str, trainings: Trainings
) -> None:
    before = [(t.number, t.value, t.params) for t in bench.study.get_trials()]
    executor = Executor(trainings)
    found = bench.repeat(executor)
    assert found is not None
    assert executor.trained == [(n, s) for s in (2001, 2002) for n in (BASE, *LEADERS)]
    assert executor.tested == []
    assert found.seeds == [2001, 2002]
    assert found.best is not None
    assert {found.best, *found.level, *found.broken} == set(LEADERS)
    assert found.level, "the nets are alike"
    assert "too few windows or seeds to tell" in found.sentence
    runs = read_runs(bench.study, storage_url, "repeat")
    assert set(runs) == set(executor.trained)
    # No trial of the budget, and told values stay.
    again = load_study(open_database(storage_url, "read"), "tiny")
    assert [(t.number, t.value, t.params) for t in again.get_trials()] == before
    assert read_repeats(again) == found
    assert not any(path.is_file() for path in Path(bench.folder).rglob("*"))

    repeated = Executor(trainings)
    assert bench.repeat(repeated) == found
    assert repeated.trained == []


def test_a_stop_is_gone_on_with(bench: Bench, trainings: Trainings) -> None:
    stopped = Executor(trainings, signal_at=3)
    with pytest.raises(StoppedOnRequest, match=r"leaders with other seeds .* go on with resume"):
        bench.repeat(stopped)
    assert read_repeats(bench.study) is None
    further = Executor(trainings)
    assert bench.repeat(further) is not None
    assert not set(read_runs(bench.study, bench.url, "repeat")) ^ {
        (n, s) for s in (2001, 2002) for n in (BASE, *LEADERS)
    }
    assert len(further.trained) < 8


def test_a_single_leader_has_nobody_to_be_told_apart_from(
    storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary, trainings: Trainings
) -> None:
    study = open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)
    for number in (BASE, SORTED):
        add_trial(study, tiny_config, TRIALS[number])
    bench = Bench.__new__(Bench)
    bench.url, bench.config, bench.facts, bench.study = storage_url, tiny_config, tiny_facts, study
    executor = Executor(trainings)
    assert bench.repeat(executor) is None
    assert executor.submitted == []
