"""Trials that go on from the weights of the baseline, run by a worker in this process."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.storage.trial_files.checkpoints import checkpoints, remove_checkpoints, trial_folder
from fieldsharp.sweep.configuration.baseline_start import starting_from
from fieldsharp.sweep.configuration.presets import BASELINE, presets
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import with_length_in_epochs
from fieldsharp.sweep.execution.local import worker as workers
from fieldsharp.sweep.execution.local.worker import Worker
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    RungReached,
    TrialDone,
    TrialEvent,
    TrialTrouble,
)
from fieldsharp.sweep.study.trial_spec import Assignment, TrialSpec
from fieldsharp.sweep.trials.baseline_weights import kept_weights

MEMBERS = {"name": "ensemble", "options": {"member": "unet", "members": 2}}
DROPOUT = {"name": "ensemble", "options": {"member": "unet", "noise": "dropout", "members": 2}}
FREE = {"schedule": "schedule_free"}
AUTO = {
    "length": "auto",
    "least_steps": 6,
    "most_steps": 18,
    "patience_steps": 6,
    "schedule": "schedule_free",
    "warmup_fraction": 0.5,
}


def _config(
    tiny: SweepConfig, data: ForecastData, predictor: dict[str, Any], training: dict[str, Any]
) -> SweepConfig:
    tree = tiny.model_dump()
    tree["predictor"] |= predictor
    tree["training"] |= {"epochs": 4, "start": "baseline", "fine_tuning": 0.5, **training}
    tree["search"]["presets"] = "baseline"
    return with_length_in_epochs(SweepConfig.model_validate(tree), data)


def _events(spec: TrialSpec, folder: Path | None) -> list[TrialEvent]:
    ours, theirs = multiprocessing.Pipe()
    Worker(theirs)._run(Assignment(spec=spec, checkpoints=folder))
    theirs.close()
    events: list[TrialEvent] = []
    while ours.poll():
        try:
            events.append(ours.recv())
        except EOFError:
            break
    return events


def _reports(events: list[TrialEvent]) -> list[EpochReport]:
    return [event.report for event in events if isinstance(event, EpochDone)]


def _numbers(events: list[TrialEvent]) -> list[object]:
    return [(r.epoch, r.losses, r.judgement, r.sharpened) for r in _reports(events)]


def _troubles(events: list[TrialEvent]) -> list[str]:
    return [event.sentence for event in events if isinstance(event, TrialTrouble)]


def _baseline(config: SweepConfig, folder: Path) -> TrialSpec:
    """Train the baseline, and return its specification as the coordinator then stores it."""
    spec = TrialSpec(number=0, preset=BASELINE, run=presets(config)[0].run(config))
    end = _events(spec, trial_folder(folder, 0))[-1]
    assert isinstance(end, TrialDone)
    return spec.with_length(end.found.epochs) if end.found is not None else spec


def _going_on(config: SweepConfig, baseline: TrialSpec) -> TrialSpec:
    run = starting_from(config.run, baseline.run)
    return TrialSpec(number=1, run=run, starts_with=0)


@pytest.mark.parametrize(
    ("predictor", "training"),
    [({}, {}), ({"name": "convlstm"}, FREE), (MEMBERS, FREE), (DROPOUT, {}), (MEMBERS, AUTO)],
    ids=["unet", "convlstm", "noise", "dropout", "auto"],
)
def test_kept_weights_and_a_training_of_its_own_give_the_same_numbers(
    tiny_config: SweepConfig,
    tiny_data: ForecastData,
    tmp_path: Path,
    predictor: dict[str, Any],
    training: dict[str, Any],
) -> None:
    config = _config(tiny_config, tiny_data, predictor, training)
    baseline = _baseline(config, tmp_path)
    spec = _going_on(config, baseline)
    kept = _events(spec, trial_folder(tmp_path, 1))
    assert len(_reports(kept)) == spec.run.training.epochs
    assert _troubles(kept) == []
    alone = _events(spec, trial_folder(tmp_path / "elsewhere", 1))
    assert _troubles(alone) == [
        "the weights of the baseline are not kept here, so that is trained first"
    ]
    assert _numbers(alone) == _numbers(kept)
    assert _numbers(_events(spec, None)) == _numbers(kept)


@pytest.mark.parametrize(
    ("predictor", "training"), [({}, {}), (MEMBERS, FREE), (DROPOUT, {})], ids=str
)
def test_one_that_is_killed_goes_on_without_the_weights_of_the_baseline(
    tiny_config: SweepConfig,
    tiny_data: ForecastData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    predictor: dict[str, Any],
    training: dict[str, Any],
) -> None:
    config = _config(tiny_config, tiny_data, predictor, training)
    spec = _going_on(config, _baseline(config, tmp_path))
    whole = _events(spec, trial_folder(tmp_path, 1))
    remove_checkpoints(trial_folder(tmp_path, 1))
    until = spec.model_copy(update={"until": 1})
    assert isinstance(_events(until, trial_folder(tmp_path, 1))[-1], RungReached)

    remove_checkpoints(trial_folder(tmp_path, 0))
    monkeypatch.setattr(workers, "baseline_training", None)  # it would be called
    again = _events(spec.model_copy(update={"attempt": 2}), trial_folder(tmp_path, 1))
    assert isinstance(again[-1], TrialDone)
    assert _numbers(again) == _numbers(whole)


def test_weights_are_taken_from_a_whole_checkpoint_of_just_that_training(
    tiny_config: SweepConfig, tiny_data: ForecastData, tmp_path: Path
) -> None:
    config = _config(tiny_config, tiny_data, {}, {})
    spec = _going_on(config, _baseline(config, tmp_path))
    folder = trial_folder(tmp_path, 1)
    assert kept_weights(folder, spec) is not None
    assert kept_weights(tmp_path / "000001" / "seed-3", spec) is None, "of the seed alone"
    assert kept_weights(None, spec) is None
    assert kept_weights(folder, spec.model_copy(update={"starts_with": None})) is None

    other_seed = config.run.training.model_copy(update={"seed": 5})
    run = spec.run.model_copy(update={"training": other_seed})
    assert kept_weights(folder, spec.model_copy(update={"run": run})) is None
    other_data = spec.model_copy(update={"data_sha256": "of other data"})
    assert kept_weights(folder, other_data) is None
    sharpening = spec.run.sharpening.model_copy(update={"name": "spectral"})
    run = spec.run.model_copy(update={"sharpening": sharpening})
    assert kept_weights(folder, spec.model_copy(update={"run": run})) is not None

    for path in trial_folder(tmp_path, 0).glob("*/epoch-*"):
        path.write_bytes(path.read_bytes()[:-9])
    assert list(checkpoints(trial_folder(tmp_path, 0))) == []
    assert kept_weights(folder, spec) is None
