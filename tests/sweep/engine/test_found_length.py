"""Small sweeps with real trainings whose length the baseline finds."""

from itertools import pairwise
from pathlib import Path

import pytest

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.settings import TrainingSettings
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.training_length import steps_an_epoch, with_whole_epochs
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.engine.preflight import with_length_in_epochs
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.confirmation.candidates import candidates
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import open_or_create_study, study_config, study_identity
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import trial_record, trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.conftest import InlineExecutor
from tests.sweep.wide_guards import WIDE


class _Recording(InlineExecutor):
    """Has two slots, and records what it is given, and beside which others."""

    def __init__(self, data: ForecastData) -> None:
        super().__init__(data)
        self.submitted: list[TrialSpec] = []
        self.beside: list[int] = []

    @property
    def free_slots(self) -> int:
        return 2 - len(self._specs)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        self.beside.append(len(self._specs))
        self.submitted.append(spec)
        super().submit(spec, checkpoints)


@pytest.fixture
def auto_config(tiny_config: SweepConfig, tiny_data: ForecastData) -> SweepConfig:
    """Of at most 12 epochs of three steps."""
    tree = tiny_config.model_dump()
    tree["training"] = {
        "length": "auto",
        "least_steps": 9,
        "most_steps": 36,
        "patience_steps": 6,
        "batch_size": 8,
        "schedule": "schedule_free",
        "learning_rate": 3e-2,
        "device": "cpu",
        "precision": "float32",
    }
    tree["search"] |= {"presets": "baseline", "pruner": "none"}
    tree["budget"]["trials"] = 3
    tree["objective"]["guards"] |= WIDE
    return with_length_in_epochs(SweepConfig.model_validate(tree), tiny_data)


def _coordinator(
    config: SweepConfig, facts: DataSummary, url: str, executor: InlineExecutor
) -> Coordinator:
    study = open_or_create_study(open_database(url, "write"), config, facts)
    files = StudyWorkspace(url, study_identity(study))
    files.make()
    progress = SilentProgress(config.study, facts.targets, facts.units)
    repository = StudyRepository(study, config, url, facts)
    return Coordinator(repository, executor, facts, progress, files)


def test_every_trial_is_trained_for_the_epochs_where_the_baseline_was_best(
    auto_config: SweepConfig, tiny_data: ForecastData, tiny_facts: DataSummary, storage_url: str
) -> None:
    executor = _Recording(tiny_data)
    _coordinator(auto_config, tiny_facts, storage_url, executor).run()

    study = open_or_create_study(open_database(storage_url, "read"), auto_config, tiny_facts)
    baseline, *others = study.get_trials()
    record, spec = trial_record(baseline), trial_spec(baseline)
    assert record is not None
    assert spec is not None
    epochs = record.epochs
    assert (spec.run.training.length, spec.run.training.epochs) == ("fixed", epochs)
    assert spec.run.training.least_steps == 9
    assert record.steps == 3 * epochs
    assert record.epochs_looked_at is not None
    assert epochs < record.epochs_looked_at <= 12
    assert record.reached_most is False
    assert len(record.judgements_by_epoch) == epochs
    assert record.frontier is not None
    assert record.judgement.overall == record.judgements_by_epoch[-1].overall
    for trial in others:
        assert (other := trial_record(trial)) is not None
        assert (other.epochs, other.steps, other.reached_most) == (epochs, 3 * epochs, None)
        assert other.baseline_rmse == record.metrics["rmse"]

    first, *rest = executor.submitted
    assert first.is_baseline
    assert first.run.training.length == "auto"
    assert first.run.training.epochs == 12, "the most it may take"
    assert {s.run.training.epochs for s in rest} == {epochs}
    assert executor.beside == [0, 0, 1], "none before the baseline has ended, then two at a time"
    # Everything that trains again takes the fixed length; the study itself stays as it was.
    assert {s.run.training.length for s in candidates("tiny", study.get_trials(), 2)} == {"fixed"}
    assert study_config(study).training == auto_config.training


def test_a_sweep_that_goes_on_trains_further_trials_for_as_many_epochs(
    auto_config: SweepConfig, tiny_data: ForecastData, tiny_facts: DataSummary, storage_url: str
) -> None:
    coordinator = _coordinator(
        auto_config, tiny_facts, storage_url, executor := _Recording(tiny_data)
    )
    poll = executor.poll

    def stop_after_the_baseline(timeout_s: float) -> list:  # type: ignore[type-arg]
        coordinator.request_stop()
        return poll(timeout_s)

    executor.poll = stop_after_the_baseline  # type: ignore[method-assign]
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    assert [spec.number for spec in executor.submitted] == [0]

    again = _Recording(tiny_data)
    _coordinator(auto_config, tiny_facts, storage_url, again).run()
    study = open_or_create_study(open_database(storage_url, "read"), auto_config, tiny_facts)
    record = trial_record(study.get_trials()[0])
    assert record is not None
    assert [spec.number for spec in again.submitted] == [1, 2]
    assert {spec.run.training.epochs for spec in again.submitted} == {record.epochs}


def test_rungs_are_a_quarter_and_a_half_of_the_length_and_the_baseline_is_sharpened_there(
    auto_config: SweepConfig, tiny_data: ForecastData, tiny_facts: DataSummary, storage_url: str
) -> None:
    search = auto_config.search.model_copy(update={"pruner": "promotion"})
    training = auto_config.training.model_copy(update={"learning_rate": 3e-3})
    config = auto_config.model_copy(update={"search": search, "training": training})
    executor = _Recording(tiny_data)
    # The executor trains to the end whatever it is asked for: the rungs are told, not kept.
    _coordinator(config, tiny_facts, storage_url, executor).run()
    first, *rest = executor.submitted
    assert first.rungs == (1, 2, 3, 4, 5, 6), "all that may become one"
    study = open_or_create_study(open_database(storage_url, "read"), config, tiny_facts)
    record = trial_record(study.get_trials()[0])
    assert record is not None
    expected = (round(record.epochs / 4), round(record.epochs / 2))
    assert {spec.rungs for spec in rest} == {expected}
    assert sorted(record.sharpened_by_epoch) == [*expected, record.epochs]
    assert all(a < b for a, b in pairwise(expected))


def test_the_length_of_a_training_is_at_least_twelve_looks_and_at_most_forty_eight(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    windows = len(tiny_data.train)
    for most, batch, epochs, part in (
        (windows, 1, 12, windows // 12),  # a pass of as many steps: an epoch is part of one
        (20 * windows, 1, 20, None),
        (100 * windows, 1, 33, 3 * windows),  # three passes
    ):
        tree = tiny_config.model_dump()
        tree["training"] = TrainingSettings(
            length="auto", most_steps=most, batch_size=batch, schedule="schedule_free"
        ).model_dump()
        found = with_length_in_epochs(SweepConfig.model_validate(tree), tiny_data).training
        assert found.epoch_windows == part
        assert found.epochs == most // (part or windows)
        assert 12 <= found.epochs <= 48
        assert found.epochs in (epochs, most // (part or windows))
        again = SweepConfig.model_validate({**tree, "training": found.model_dump()})
        assert with_length_in_epochs(again, tiny_data).training == found


def test_a_batch_that_is_larger_than_a_pass_has_as_few_looks() -> None:
    training = TrainingSettings(length="auto", most_steps=3000, batch_size=1000)
    found = with_whole_epochs(training, 33, 5)
    assert found.epoch_windows == 63_000
    assert steps_an_epoch(found, 33) == 63
    assert found.epochs == 47
