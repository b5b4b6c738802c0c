"""Snapshots of a study while another process writes it."""

from pathlib import Path
from statistics import median

import pytest
from optuna.trial import TrialState, create_trial

from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.status.watcher import StudyWatcher
from fieldsharp.sweep.study.trial_records import PRESET, VERDICT, trial_record


def test_a_look_agrees_with_the_status(finished_url: str) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    status, shown = study_status(study, finished_url), StudyWatcher(study, finished_url).look()
    assert shown.best is not None
    assert status.best is not None
    assert (shown.best.number, shown.best.score) == (status.best.trial, status.best.score)
    assert (shown.best.gradient, shown.best.peak) == (status.best.gradient, status.best.peak)
    assert shown.baseline is not None
    assert shown.baseline.what == "baseline"
    assert (shown.states, shown.verdict) == (status.states, status.verdict)
    assert (shown.done, shown.budget, shown.eta_s) == (8, 8, None)
    assert (shown.is_run, shown.note) == (status.coordinator.alive, status.coordinator.note)
    assert shown.targets is not None
    assert shown.targets.gradient.low == status.targets["gradient"]
    assert shown.room is not None
    assert shown.room.free_mb > 0
    assert shown.room.database_mb is not None
    assert 0.01 < shown.room.database_mb < 10
    assert not shown.ended


@pytest.fixture
def watched(
    tmp_path: Path, finished_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> tuple[StudyRepository, StudyWatcher]:
    """A study that goes on, and somebody who looks at it through the database alone."""
    copy_database(finished_url, tmp_path / "x.db")
    url = f"sqlite:///{tmp_path / 'x.db'}"
    tree = tiny_config.model_dump()
    tree["budget"]["trials"] = 10
    config = SweepConfig.model_validate(tree)
    study = open_or_create_study(open_database(url, "write"), config, tiny_facts)
    watcher = StudyWatcher(load_study(open_database(url, "read"), "tiny"), url)
    return StudyRepository(study, config, url, tiny_facts), watcher


def test_a_trial_at_work_is_seen_and_said_when_it_ends(
    watched: tuple[StudyRepository, StudyWatcher],
) -> None:
    repository, watcher = watched
    with StudyLock(repository.url, "tiny"):
        before = watcher.look()
        assert (before.is_run, before.at_work, before.eta_s) == (True, (), None)
        assert before.workers == 2, "as configured, while nobody has said how many there are"
        repository.set_worker_count(5)
        assert watcher.look().workers == 5
        spec = repository.ask()
        (trial,) = watcher.look().at_work
        assert (trial.number, trial.epochs_done, trial.epochs) == (8, 0, 2)
        assert (trial.what, trial.score, trial.gradient) == (describe(spec), None, None)
        repository.report(8, 0, 0.75)
        began = watcher.look()
        (trial,) = began.at_work
        assert (trial.epochs_done, trial.score) == (1, 0.75)
        assert 0 <= trial.seconds < 60
        assert began.eta_s is not None
        assert not began.same_but_for_time(before)
        assert watcher.look().same_but_for_time(began)

        record = trial_record(repository.study.get_trials()[3])
        assert record is not None
        repository.complete(8, record)
        after = watcher.look()
        assert after.at_work == ()
        (ended,) = after.ended
        assert (ended.number, ended.state, ended.what) == (8, "COMPLETE", describe(spec))
        assert ended.outcome.startswith(f"score {record.score:.4f}, gradient ")
        assert watcher.look().ended == ()

        repository.ask()
        repository.fail(9, "it broke")
        assert [trial.outcome for trial in watcher.look().ended] == ["failed, it broke"]


def test_a_baseline_that_failed_shortens_no_time_left(
    watched: tuple[StudyRepository, StudyWatcher], tiny_facts: DataSummary
) -> None:
    repository, watcher = watched
    _give_budget(repository, tiny_facts, 1000)
    repository.study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={PRESET: BASELINE}))
    records = [trial_record(trial) for trial in repository.study.get_trials()]
    took = median(record.seconds for record in records if record is not None)
    with StudyLock(repository.url, "tiny"):
        repository.ask()
        shown = watcher.look()
    (trial,) = shown.at_work
    assert (shown.done, shown.budget) == (8, 1000)
    assert shown.eta_s == pytest.approx(992 * took - trial.seconds), "the one at work among them"


def test_the_status_has_the_same_time_left(
    watched: tuple[StudyRepository, StudyWatcher], tiny_facts: DataSummary
) -> None:
    repository, watcher = watched
    _give_budget(repository, tiny_facts, 1000)
    with StudyLock(repository.url, "tiny"):
        repository.ask()
        shown, status = watcher.look(), study_status(repository.study, repository.url)
        assert shown.eta_s is not None
        assert status.eta_s == pytest.approx(shown.eta_s, abs=60.0)
        assert status.budget == shown.budget == 1000
    assert study_status(repository.study, repository.url).eta_s is None, "no process runs it"


def test_a_trial_that_its_coordinator_left_is_not_at_work(
    watched: tuple[StudyRepository, StudyWatcher],
) -> None:
    repository, watcher = watched
    repository.ask()
    shown = watcher.look()
    assert shown.at_work == ()
    assert shown.states["RUNNING"] == 1
    assert "not being run, with trials left to do" in shown.note


def test_a_new_budget_is_seen(
    watched: tuple[StudyRepository, StudyWatcher], tiny_facts: DataSummary
) -> None:
    repository, watcher = watched
    assert watcher.look().budget == 10
    _give_budget(repository, tiny_facts, 12)
    assert watcher.look().budget == 12


def test_json_has_everything_a_look_found(watched: tuple[StudyRepository, StudyWatcher]) -> None:
    repository, watcher = watched
    with StudyLock(repository.url, "tiny"):
        repository.ask()
        tree = watcher.look().as_json()
    assert tree["at_work"][0]["number"] == 8
    assert tree["verdict"] == repository.study.user_attrs[VERDICT]
    assert tree["states"]["COMPLETE"] == 8
    assert "sees_forecasts" not in tree


def _give_budget(repository: StudyRepository, facts: DataSummary, trials: int) -> None:
    """Go on with a study under a budget of its own, as another process does."""
    tree = repository.config.model_dump()
    tree["budget"]["trials"] = trials
    config = SweepConfig.model_validate(tree)
    open_or_create_study(open_database(repository.url, "write"), config, facts)
