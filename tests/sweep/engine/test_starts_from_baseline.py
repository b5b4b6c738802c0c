"""Sweeps whose trials may go on from the weights of the baseline."""

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.engine.preflight import with_length_in_epochs
from fieldsharp.sweep.engine.verdict_tracker import VerdictTracker
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.results.export import export_tree, render, write
from fieldsharp.sweep.results.train_run import train_into
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import open_or_create_study, study_identity
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import trial_record, trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.conftest import InlineExecutor
from tests.sweep.fake_sweep import (
    TARGETS,
    FakeExecutor,
    MakeSweep,
    Metrics,
    Sweep,
    metrics_of,
    report_of,
)
from tests.sweep.wide_guards import WIDE

EPOCHS = 6
EITHER = {"training.start": {"choices": ["fresh", "baseline"]}}
WEIGHTS = {"gradient_weight": {"low": 0.1, "high": 1.0}}


class _Observed(FakeExecutor):
    """Notes which trials are in training beside each that is submitted."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self.beside: dict[int, list[int]] = {}

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        self.beside.setdefault(spec.number, list(self._at))
        super().submit(spec, checkpoints)


def _mixed(make_sweep: MakeSweep, trials: int, **search: Any) -> Sweep:
    return make_sweep(
        trials,
        search={"space": {**WEIGHTS, **EITHER}, "sampler": "random", **search},
        training={"epochs": EPOCHS, "fine_tuning": 0.4},
        loss={"variant": "sobel"},
    )


def _stored(sweep: Sweep) -> list[TrialSpec]:
    return [spec for trial in sweep.trials if (spec := trial_spec(trial)) is not None]


def test_no_trial_is_handed_out_before_the_baseline_has_ended(make_sweep: MakeSweep) -> None:
    executor = _Observed(slots=3)
    sweep = _mixed(make_sweep, 8, pruner="none")
    sweep.run(executor)
    first, *others = _stored(sweep)
    assert first.run.training.start == "fresh"
    assert all(0 not in executor.beside[spec.number] for spec in others)
    assert any(executor.beside[spec.number] for spec in others), "then several at a time"


def test_fresh_trials_are_handed_out_beside_the_baseline_as_before(make_sweep: MakeSweep) -> None:
    executor = _Observed(slots=3)
    make_sweep(4, training={"epochs": EPOCHS}).run(executor)
    assert executor.beside[1] == [0]


def test_members_wait_for_the_ensembles_that_are_made_from_the_baseline(
    make_sweep: MakeSweep,
) -> None:
    executor = _Observed(slots=3)
    sweep = make_sweep(
        4,
        training={"epochs": EPOCHS},
        predictor={"name": "ensemble", "options": {"member": "unet"}},
        objective={"mode": "members"},
    )

    sweep.run(executor)

    assert all(0 not in executor.beside[spec.number] for spec in _stored(sweep)[1:])


def test_those_that_go_on_from_it_are_short_and_have_no_rungs(make_sweep: MakeSweep) -> None:
    executor = _Observed(slots=3)
    sweep = _mixed(make_sweep, 16, pruner="promotion", rungs=[2, 3], promote_one_in=3)
    sweep.run(executor)
    short = [spec for spec in executor.submitted if spec.starts_from_baseline]
    fresh = [spec for spec in executor.submitted if not spec.starts_from_baseline]
    assert 3 <= len({spec.number for spec in short}) <= 13
    assert len({spec.number for spec in short}) == len(short), "never paused"
    for spec in short:
        assert (spec.run.training.epochs, spec.until, spec.rungs) == (2, None, ())
        assert spec.starts_with == 0
        assert spec.run.start_from is not None
        assert spec.run.start_from.training.epochs == EPOCHS
    rungs = {spec.until for spec in fresh if not spec.is_baseline}
    assert {2, 3} <= rungs <= {2, 3, None}
    states = {
        spec.number: trial.state.name
        for spec, trial in zip(_stored(sweep), sweep.trials, strict=True)
    }
    assert {states[spec.number] for spec in short} == {"COMPLETE"}
    assert "PRUNED" in states.values()


def test_every_epoch_of_one_is_compared_with_the_finished_baseline(make_sweep: MakeSweep) -> None:
    scoring = BaselineScoring(ObjectiveSettings(rmse_weight=1.0), TARGETS)
    report = report_of(0, metrics_of(rmse=12.0))
    scoring.add_baseline(report_of(0, metrics_of(rmse=20.0)))
    assert scoring.at_same_epoch(report, finished=True) is None, "it has not ended"
    early = scoring.at_same_epoch(report)
    scoring.add_baseline(report_of(1, metrics_of(rmse=10.0)))
    scoring.end_baseline()
    late = scoring.at_same_epoch(report, finished=True)
    assert early is not None
    assert late is not None
    assert late == scoring.final(report)
    assert late.total > early.total
    assert scoring.at_same_epoch(report) == early

    def metrics(number: int, epoch: int) -> Metrics:
        return metrics_of(rmse=15.0 if number else 20.0 - 2.0 * epoch)

    sweep = _mixed(make_sweep, 8, pruner="none")
    asked = {(number, epoch): metrics(number, epoch) for number in range(8) for epoch in range(6)}
    sweep.run(FakeExecutor(metrics=asked))
    for spec, trial in zip(_stored(sweep)[1:], sweep.trials[1:], strict=True):
        # The baseline has an RMSE of 20 after one epoch, and of 10 at its end.
        begins = 0.125 if spec.starts_from_baseline else 0.0
        assert trial.intermediate_values[0] == pytest.approx(begins)
        assert trial.value == pytest.approx(0.125)
    assert {spec.starts_from_baseline for spec in _stored(sweep)[1:]} == {True, False}


def test_a_trial_of_a_sweep_that_goes_on_starts_from_the_same_baseline(
    make_sweep: MakeSweep,
) -> None:
    sweep = _mixed(make_sweep, 6, pruner="none")
    executor = FakeExecutor()
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda poll: coordinator.request_stop() if poll == EPOCHS + 1 else None
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    again = FakeExecutor()
    sweep.run(again)
    assert all(not spec.is_baseline for spec in again.submitted)
    starts = [spec.run.start_from for spec in _stored(sweep) if spec.starts_from_baseline]
    assert len(starts) > 1
    assert all(start == starts[0] for start in starts)


@pytest.fixture(params=["fixed", "auto"])
def short_config(tiny_config: SweepConfig, request: pytest.FixtureRequest) -> SweepConfig:
    tree = tiny_config.model_dump()
    tree["training"] |= {"epochs": 4, "fine_tuning": 0.5}
    if request.param == "auto":
        auto = {"length": "auto", "least_steps": 6, "most_steps": 18, "patience_steps": 6}
        tree["training"] |= {**auto, "schedule": "schedule_free", "warmup_fraction": 0.5}
    tree["predictor"] |= {"name": "ensemble", "options": {"member": "unet", "members": 2}}
    tree["search"] |= {"presets": "baseline", "space": EITHER, "sampler": "random", "seed": 1}
    tree["budget"]["trials"] = 4
    tree["objective"]["guards"] |= WIDE
    return SweepConfig.model_validate(tree)


def test_an_export_of_a_real_one_is_trained_to_the_same_numbers(
    short_config: SweepConfig,
    tiny_data: ForecastData,
    tiny_facts: DataSummary,
    storage_url: str,
    tmp_path: Path,
) -> None:
    config = with_length_in_epochs(short_config, tiny_data)
    study = open_or_create_study(open_database(storage_url, "write"), config, tiny_facts)
    files = StudyWorkspace(storage_url, study_identity(study))
    files.make()
    progress = SilentProgress(config.study, tiny_facts.targets, tiny_facts.units)
    repository = StudyRepository(study, config, storage_url, tiny_facts)
    Coordinator(repository, InlineExecutor(tiny_data), tiny_facts, progress, files).run()

    specs = {trial.number: trial_spec(trial) for trial in study.get_trials()}
    chosen = next(n for n, spec in specs.items() if spec and spec.starts_from_baseline)
    trial, baseline = study.get_trials()[chosen], trial_record(study.get_trials()[0])
    record = trial_record(trial)
    assert baseline is not None
    assert record is not None
    assert record.epochs == -(-baseline.epochs // 2)
    assert record.baseline_rmse == baseline.metrics["rmse"]
    path = tmp_path / "export.yaml"
    write(render(export_tree(study, trial), "yaml"), path)
    outcome = train_into(load_config(path, one_training=True), tmp_path / "run")
    assert outcome.largest_difference == 0.0
    again = load_config(tmp_path / "run" / "config.yaml", one_training=True)
    assert again.config.start_from == load_config(path, one_training=True).config.start_from
    assert again.exported["start"]["steps"] == baseline.steps


@pytest.mark.parametrize("start", ["fresh", "baseline"])
def test_the_weights_of_the_baseline_are_kept_while_trials_go_on_from_them(
    make_sweep: MakeSweep, start: str
) -> None:
    sweep = make_sweep(2, training={"start": start})
    sweep.run(FakeExecutor())
    verdicts = VerdictTracker(sweep.repository, sweep.facts)
    verdicts.read()
    assert verdicts.wanted(0) == ([0] if start == "baseline" else [])
    assert 0 in verdicts.wanted(1)
