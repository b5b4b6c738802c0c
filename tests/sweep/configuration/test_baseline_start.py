"""A training that goes on from the weights of a baseline: its length, and its file."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fieldsharp.sweep.configuration.baseline_start import (
    as_in_the_sweep,
    fine_tuning_epochs,
    starting_from,
    trained_first,
    with_short_epochs,
)
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.training_length import steps_an_epoch
from fieldsharp.sweep.results.exported_search import exported_search

AUTO = {"length": "auto", "schedule": "schedule_free", "epoch_windows": 40}


def _config(training: dict[str, Any], **sections: Any) -> SweepConfig:
    search = {"presets": "baseline", "space": {"learning_rate": {"low": 1e-4, "high": 1e-2}}}
    tree = {"data": {"path": "/a.nc"}, "training": training, "search": search, **sections}
    return SweepConfig.model_validate(tree)


def _started(config: SweepConfig, epochs: int = 10) -> RunSettings:
    """The settings of a trial of a study whose baseline took so many epochs."""
    baseline = presets(config)[0].run(config.with_length(epochs))
    return starting_from(config.with_length(epochs).run, baseline)


@pytest.mark.parametrize(
    ("share", "epochs", "found"),
    [(0.25, 12, 3), (0.25, 13, 3), (0.25, 1, 1), (1.0, 7, 7), (0.29, 100, 29), (0.1, 30, 3)],
)
def test_the_length_is_a_share_of_the_baselines_rounded_down(
    share: float, epochs: int, found: int
) -> None:
    assert fine_tuning_epochs(share, epochs) == found


@pytest.mark.parametrize(
    ("epochs", "share", "batch_size", "an_epoch"),
    [
        (3, 0.25, 8, 296),  # 300 of 1200 windows: 37 steps in one epoch
        (12, 0.25, 8, 400),  # 1200 windows in 3 epochs
        (12, 0.25, 32, 384),  # 37 steps, 12 in each of 3 epochs
        (1, 0.25, 512, 512),  # never less than a step
    ],
)
def test_the_short_training_has_that_share_of_the_steps(
    epochs: int, share: float, batch_size: int, an_epoch: int
) -> None:
    training = {"start": "baseline", "fine_tuning": share, "batch_size": batch_size}
    config = _config({**training, "epochs": epochs})
    run = with_short_epochs(_started(config, epochs), windows=400)

    assert run.training.epoch_windows == an_epoch
    steps = run.training.epochs * steps_an_epoch(run.training, 400)
    assert steps == 1 or steps * batch_size <= share * epochs * 400


def test_a_training_that_starts_fresh_keeps_its_epochs() -> None:
    run = _config({}).run

    assert with_short_epochs(run, windows=400) == run


def test_the_short_training_has_a_warm_up_of_its_own() -> None:
    run = _started(_config({"start": "baseline", "fine_tuning": 0.3, **AUTO}))
    training = run.training
    assert (training.length, training.epochs, training.epoch_windows) == ("fixed", 3, 40)
    assert training.least_steps is None, "the warm-up would be a share of the baseline's steps"
    assert run.start_from is not None
    first = run.start_from.training
    assert (first.length, first.epochs, first.least_steps) == ("fixed", 10, 250)
    assert first.start == "fresh"


def test_what_is_trained_first_has_the_seed_and_the_device_of_what_goes_on_from_it() -> None:
    run = _started(_config({"start": "baseline"}))
    other = run.training.model_copy(update={"seed": 7, "device": "cpu", "learning_rate": 0.5})
    first = trained_first(run.model_copy(update={"training": other}))
    assert (first.training.seed, first.training.device) == (7, "cpu")
    assert first.training.learning_rate == 1e-3
    assert (first.training.epochs, first.start_from) == (12, None)


def test_of_a_fresh_training_nothing_more_is_written() -> None:
    assert "start_from" not in _config({}).run.model_dump()
    run = _started(_config({"start": "baseline"}))
    assert run.model_dump(mode="json")["start_from"]["training"]["epochs"] == 12
    assert RunSettings.model_validate(run.model_dump(mode="json")) == run


def test_the_export_of_a_trial_is_one_training_and_the_file_of_its_sweep(tmp_path: Path) -> None:
    search = {
        "presets": "baseline",
        "pruner": "promotion",
        "rungs": [3, 6],
        "space": {"training.start": {"choices": ["fresh", "baseline"]}},
    }
    config = _config({"epochs": 12, "fine_tuning": 0.25}, search=search)
    trial = config.run_with({"training.start": "baseline", "training.learning_rate": 2e-4})
    run = starting_from(trial, presets(config)[0].run(config))
    assert as_in_the_sweep(run) == config.run_with({"training.start": "baseline"})
    tree = {**config.model_dump(mode="json"), **run.model_dump(mode="json")}
    path = tmp_path / "best.yaml"
    path.write_text(dump_yaml({**tree, "search": exported_search(config, run)}))

    alone = load_config(path, one_training=True).config
    assert alone.run == run
    swept = load_config(path).config
    assert swept.start_from is None
    assert swept.training == config.training.model_copy(update={"start": "baseline"})
    assert swept.search == config.search
    assert load_config(path, ["training.epochs=20"]).config.training.epochs == 20


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": {"start": "fresh"}}, "start_from names a training that comes first"),
        ({"start_from": {"training": {"start": "baseline"}}}, "must have length fixed and start"),
        ({"start_from": {"training": {"length": "auto"}}}, "must have length fixed and start"),
    ],
)
def test_a_start_that_was_changed_by_hand_is_refused(changes: dict[str, Any], said: str) -> None:
    tree = _started(_config({"start": "baseline"})).model_dump()
    for section, change in changes.items():
        for name, value in change.items():
            if isinstance(value, dict):
                tree[section][name] |= value
            else:
                tree[section][name] = value
    with pytest.raises(ValidationError, match=said):
        RunSettings.model_validate(tree)
