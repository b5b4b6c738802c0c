"""Trials that go on from the checkpoints of earlier attempts."""

from itertools import islice
from pathlib import Path

import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.checkpoint import Checkpoint, decode, encode
from fieldsharp.model.device import find_hardware
from fieldsharp.storage.trial_files.checkpoints import (
    attempt_folder,
    checkpoints,
    epochs_done,
    write_checkpoint,
)
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.checkpointing import TrialCheckpoints
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial

EPOCHS = 3


@pytest.fixture
def spec(tiny_config: SweepConfig) -> TrialSpec:
    return TrialSpec(number=7, run=tiny_config.run_with({"training.epochs": EPOCHS}))


class Runner:
    """Runs attempts at one trial, each as a worker would."""

    def __init__(self, folder: Path, data: ForecastData) -> None:
        self.folder = folder
        self._data = data

    def trial(self, spec: TrialSpec) -> Trial:
        return Trial(spec.run, self._data, find_hardware(spec.run.training))

    def attempt(self, spec: TrialSpec, epochs: int = EPOCHS) -> tuple[int, list[EpochReport]]:
        """Return after which epoch an attempt went on, and all its reports."""
        trial, kept = self.trial(spec), TrialCheckpoints(self.folder, spec)
        kept.restore(trial)
        done = trial.trainer.epochs_done
        torch.rand(5)
        list(islice(trial.epochs(after_each=lambda: kept.write(trial, 1.0)), epochs))
        return done, trial.reports


@pytest.fixture
def runner(tmp_path: Path, tiny_data: ForecastData) -> Runner:
    return Runner(tmp_path, tiny_data)


def _numbers(reports: list[EpochReport]) -> list[object]:
    return [(report.epoch, report.losses, report.judgement) for report in reports]


def _undisturbed(runner: Runner, spec: TrialSpec) -> list[object]:
    return _numbers(list(runner.trial(spec).epochs()))


def test_a_second_attempt_goes_on_and_reports_the_same_numbers(
    runner: Runner, spec: TrialSpec
) -> None:
    expected = _undisturbed(runner, spec)
    assert runner.attempt(spec, epochs=1)[0] == 0
    done, reports = runner.attempt(spec.model_copy(update={"attempt": 2}))
    assert done == 1
    assert _numbers(reports) == expected
    assert runner.attempt(spec.model_copy(update={"attempt": 3}))[0] == EPOCHS


def test_half_a_batch_at_a_time_goes_on_from_whole_batches(runner: Runner, spec: TrialSpec) -> None:
    runner.attempt(spec, epochs=2)
    halved = spec.model_copy(update={"attempt": 2, "micro_batches": 2})
    assert runner.attempt(halved)[0] == 2


@pytest.mark.parametrize("change", ["seed", "data", "part"])
def test_a_checkpoint_of_another_training_is_passed_over(
    runner: Runner, spec: TrialSpec, change: str
) -> None:
    runner.attempt(spec, epochs=2)
    training = spec.run.training.model_copy(update={"seed": 5})
    changes: dict[str, dict[str, object]] = {
        "seed": {"run": spec.run.model_copy(update={"training": training})},
        "data": {"data_sha256": "of other data"},
        "part": {"judged_on": "test"},
    }
    other = spec.model_copy(update=changes[change])
    assert other.fingerprint != spec.fingerprint
    assert TrialCheckpoints(runner.folder, other).restore(runner.trial(other)) == 0.0
    done, reports = runner.attempt(other)
    assert done == 0
    assert len(reports) == EPOCHS


def test_a_finished_training_is_evaluated_on_the_other_split_and_not_repeated(
    runner: Runner, spec: TrialSpec, tiny_data: ForecastData
) -> None:
    at_end = {"judged_at_end": True}
    validated = spec.model_copy(update=at_end)
    tested = spec.model_copy(update={**at_end, "judged_on": "test"})
    by_hand = list(
        Trial(
            spec.run,
            tiny_data,
            find_hardware(spec.run.training),
            Evaluator(tiny_data, tiny_data.test),
        ).epochs()
    )[-1]
    runner.attempt(validated)
    trial = Trial(
        spec.run,
        tiny_data,
        find_hardware(spec.run.training),
        Evaluator(tiny_data, tiny_data.test),
        judged_every_epoch=False,
    )
    kept = TrialCheckpoints(runner.folder, tested.model_copy(update={"attempt": 2}))
    kept.restore(trial)
    steps = trial.trainer.steps_done
    assert trial.trainer.epochs_done == EPOCHS
    torch.rand(5)
    (report,) = trial.epochs(after_each=lambda: kept.write(trial, 1.0))
    assert trial.trainer.steps_done == steps
    assert (report.epoch, report.losses) == (EPOCHS - 1, by_hand.losses)
    assert report.judgement == by_hand.judgement
    # An attempt after this one finds what was evaluated, and evaluates nothing.
    done, reports = runner.attempt(tested.model_copy(update={"attempt": 3}))
    assert done == EPOCHS
    assert _numbers(reports) == _numbers([report])


def test_an_unfinished_training_of_the_other_split_is_passed_over(
    runner: Runner, spec: TrialSpec
) -> None:
    runner.attempt(spec.model_copy(update={"judged_at_end": True}), epochs=2)
    tested = spec.model_copy(update={"judged_at_end": True, "judged_on": "test", "attempt": 2})
    assert runner.attempt(tested)[0] == 0


def test_a_moved_data_file_is_the_same_training(spec: TrialSpec) -> None:
    data = spec.run.data.model_copy(update={"path": "/elsewhere/plumes.nc"})
    moved = spec.model_copy(update={"run": spec.run.model_copy(update={"data": data})})
    assert moved.fingerprint == spec.fingerprint


@pytest.mark.parametrize("damage", ["cut", "version", "reports", "state"])
def test_a_checkpoint_that_cannot_be_used_is_passed_over_for_the_one_before(
    runner: Runner, spec: TrialSpec, damage: str
) -> None:
    expected = _undisturbed(runner, spec)
    runner.attempt(spec, epochs=2)
    path = attempt_folder(runner.folder, 1) / "epoch-000002"
    content = next(iter(checkpoints(runner.folder)))
    found = decode(content)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "version":
        path.write_bytes(b"fieldsharp checkpoint 9 " + path.read_bytes()[24:])
    elif damage == "reports":
        spoilt = Checkpoint(found.fingerprint, found.trainer, '[{"epoch": 0}]', 1.0)
        write_checkpoint(runner.folder, 1, 2, encode(spoilt))
    else:
        weights = found.trainer["predictor"]
        weights[list(weights)[-1]] = torch.zeros(5)
        write_checkpoint(runner.folder, 1, 2, encode(found))
    done, reports = runner.attempt(spec.model_copy(update={"attempt": 2}))
    assert done == 1
    assert _numbers(reports) == expected


def test_where_none_can_be_used_the_trial_is_trained_anew(runner: Runner, spec: TrialSpec) -> None:
    expected = _undisturbed(runner, spec)
    runner.attempt(spec, epochs=1)
    found = decode(next(iter(checkpoints(runner.folder))))
    weights = found.trainer["predictor"]
    weights[list(weights)[-1]] = torch.zeros(5)  # all before it fit
    write_checkpoint(runner.folder, 1, 1, encode(found))
    done, reports = runner.attempt(spec.model_copy(update={"attempt": 2}))
    assert done == 0
    assert _numbers(reports) == expected


def test_a_trial_without_a_folder_keeps_none(spec: TrialSpec, runner: Runner) -> None:
    kept, trial = TrialCheckpoints(None, spec), runner.trial(spec)
    assert kept.restore(trial) == 0.0
    kept.write(trial, 1.0)
    assert epochs_done(runner.folder) == 0
