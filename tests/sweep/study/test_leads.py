"""The leads of a study: computed from its trials, stored once, and made anew when stale."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads.comparison import Comparison, leads_over_references
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.leads import LEADS, StoredLeads, study_leads
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import (
    RECORD,
    complete_baseline,
    is_baseline,
    trial_record,
)


@pytest.fixture
def repository(
    finished_url: str, tmp_path: Path, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> StudyRepository:
    copy = tmp_path / "copy.db"
    shutil.copy(finished_url.removeprefix("sqlite:///"), copy)
    url = f"sqlite:///{copy}"
    study = optuna.load_study(study_name="tiny", storage=open_database(url, "write"))
    return StudyRepository(study, tiny_config, url, tiny_facts)


def _trials(repository: StudyRepository) -> list[FrozenTrial]:
    return repository.study.get_trials()


def _study_leads(
    repository: StudyRepository,
    trials: Sequence[FrozenTrial],
    facts: DataSummary,
    attributes: Mapping[str, Any],
) -> StoredLeads | None:
    return study_leads(trials, repository.config, facts, attributes)


def _without(trials: Sequence[FrozenTrial], *keys: str) -> list[FrozenTrial]:
    """Trials as versions wrote them whose records did not have these keys."""
    for trial in trials:
        record = trial.user_attrs.get(RECORD, {})
        for key in keys:
            record.pop(key, None)
    return list(trials)


def test_a_complete_trial_keeps_its_windows_and_the_baseline_the_truth(
    repository: StudyRepository,
) -> None:
    for trial in _trials(repository):
        record = trial_record(trial)
        assert record is not None
        windows = record.window_statistics
        assert windows is not None
        assert (windows.observed is not None) == is_baseline(trial)
        assert len(windows.forecasts) > 1


def test_every_complete_trial_is_compared_with_the_best_reference(
    repository: StudyRepository,
) -> None:
    found = repository.leads()
    assert found is not None
    trials = _trials(repository)
    first = complete_baseline(trials)
    assert first is not None
    baseline = trial_record(first)
    assert baseline is not None
    assert baseline.sharpening is not None
    feasible = [one for one in (baseline.sharpening.without, *baseline.references) if one.feasible]
    best = min(feasible, key=lambda one: one.score)
    records = {t.number: trial_record(t) for t in trials if not is_baseline(t)}
    assert [lead.trial for lead in found.leads] == sorted(records)
    for lead in found.leads:
        record = records[lead.trial]
        assert record is not None
        assert lead.score == pytest.approx(best.score - record.score, abs=0.0011)
        assert lead.blocks is not None
        assert lead.provisional  # nine windows
        assert "too few independent windows" in lead.words
        assert lead.compared > len(records)


def test_they_are_computed_once_until_a_trial_ends(
    repository: StudyRepository, tiny_facts: DataSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def count(comparison: Comparison) -> list[Lead]:
        computed.append(len(comparison.trials))
        return leads_over_references(comparison)

    monkeypatch.setattr("fieldsharp.sweep.study.leads.leads_over_references", count)
    trials = _trials(repository)
    attributes = repository.study.user_attrs
    assert LEADS not in attributes
    in_memory = _study_leads(repository, trials, tiny_facts, attributes)
    assert LEADS not in repository.study.user_attrs, "a reader writes nothing"
    stored = repository.leads()
    assert stored == repository.leads() == in_memory
    assert len(computed) == 2
    attributes = repository.study.user_attrs
    assert _study_leads(repository, trials, tiny_facts, attributes) == stored
    assert len(computed) == 2

    trials[-1].state = TrialState.PRUNED
    fewer = _study_leads(repository, trials, tiny_facts, attributes)
    assert fewer is not None
    assert stored is not None
    assert len(fewer.leads) == len(stored.leads) - 1
    assert computed[2:] == [len(fewer.leads)]
    damaged = {**attributes, LEADS: {"basis": 3}}
    assert _study_leads(repository, _trials(repository), tiny_facts, damaged) == stored


def test_of_an_earlier_version_the_scores_alone_are_compared(
    repository: StudyRepository, tiny_facts: DataSummary
) -> None:
    trials = _without(_trials(repository), "window_statistics")
    found = _study_leads(repository, trials, tiny_facts, {})
    now = repository.leads()
    assert found is not None
    assert now is not None
    assert [one.score for one in found.leads] == [one.score for one in now.leads]
    assert {one.blocks for one in found.leads} == {None}


def test_without_references_there_are_none(
    repository: StudyRepository, tiny_facts: DataSummary
) -> None:
    trials = _without(_trials(repository), "window_statistics", "references", "sharpening")
    assert _study_leads(repository, trials, tiny_facts, {}) is None


def test_before_a_trial_beside_the_baseline_is_complete_there_are_none(
    repository: StudyRepository, tiny_facts: DataSummary
) -> None:
    baseline = [trial for trial in _trials(repository) if is_baseline(trial)]
    assert _study_leads(repository, baseline, tiny_facts, {}) is None
    assert _study_leads(repository, [], tiny_facts, {}) is None


def test_the_baseline_as_it_is_may_be_the_best_reference(
    repository: StudyRepository, tiny_facts: DataSummary
) -> None:
    trials = _trials(repository)
    first = complete_baseline(trials)
    assert first is not None
    for reference in first.user_attrs[RECORD]["references"]:
        reference["score"] = 9.0
    found = _study_leads(repository, trials, tiny_facts, {})
    assert found is not None
    assert {one.reference for one in found.leads} == {NO_SHARPENER}
