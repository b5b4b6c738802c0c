"""A training that finds its own length: what it keeps, and that interruptions change nothing."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.device import find_hardware
from fieldsharp.model.training import Interrupted
from fieldsharp.objectives.improvement import LEAST_GAIN
from fieldsharp.sweep.configuration.presets import BASELINE, BASELINE_PRESET
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.checkpointing import TrialCheckpoints
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial

AUTO = {
    "length": "auto",
    "least_steps": 6,
    "most_steps": 60,
    "patience_steps": 8,
    "schedule": "schedule_free",
    "learning_rate": 3e-2,  # soon worse again
    "warmup_fraction": 0.5,
    "batch_size": 8,
    "device": "cpu",
    "precision": "float32",
}


def auto_config(config: SweepConfig, predictor: str = "unet", **changes: object) -> SweepConfig:
    tree = config.model_dump()
    tree["training"] = {**AUTO, **changes}
    tree["predictor"]["name"] = predictor
    tree["search"]["presets"] = "baseline"
    return SweepConfig.model_validate(tree)


def _spec(config: SweepConfig) -> TrialSpec:
    run = BASELINE_PRESET.run(config)
    return TrialSpec(number=0, preset=BASELINE, run=run, rungs=(2,))


def _trial(spec: TrialSpec, data: ForecastData) -> Trial:
    return Trial(
        spec.run,
        data,
        find_hardware(spec.run.training),
        sharpening=SharpeningPlan.for_trial(spec),
        with_frontier=True,
    )


def _weights(trial: Trial) -> list[torch.Tensor]:
    return [weights.detach().clone() for weights in trial.predictor.parameters()]


@pytest.mark.parametrize(("predictor", "rate"), [("unet", 3e-2), ("convlstm", 0.3)])
def test_it_keeps_what_a_training_of_that_length_ends_with(
    tiny_config: SweepConfig, tiny_data: ForecastData, predictor: str, rate: float
) -> None:
    spec = _spec(auto_config(tiny_config, predictor, learning_rate=rate, most_steps=45))
    found = _trial(spec, tiny_data)
    reports = list(found.epochs())
    assert found.found is not None
    kept = found.found.epochs
    rmses = [report.metrics["rmse"] for report in reports]
    least = 2  # epochs of three steps
    assert least <= kept < len(rmses) == found.found.epochs_looked_at
    assert rmses[kept - 1] <= min(rmses[least - 1 :]) * (1.0 + LEAST_GAIN)

    fixed = _trial(spec.with_length(kept), tiny_data)
    *_, last = fixed.epochs()
    assert fixed.run.training.length == "fixed"
    assert found.found.report.judgement == last.judgement
    assert found.found.report.sharpened == last.sharpened
    assert found.found.report.frontier == last.frontier
    assert [r.judgement for r in found.reports] == [r.judgement for r in fixed.reports]
    assert all(map(torch.equal, _weights(found), _weights(fixed)))


def _interrupted_after(steps: int) -> Iterator[bool]:
    """Yield True from the step after so many on."""
    yield from [False] * steps
    while True:
        yield True


@pytest.mark.outside
def test_one_that_is_killed_after_any_epoch_finds_the_same(
    tiny_config: SweepConfig, tiny_data: ForecastData, tmp_path: Path
) -> None:
    spec = _spec(auto_config(tiny_config))
    whole = _trial(spec, tiny_data)
    list(whole.epochs())
    assert whole.found is not None
    for killed_after in range(1, whole.found.epochs_looked_at + 1):
        folder = tmp_path / str(killed_after)
        first = _trial(spec, tiny_data)
        checkpoints = TrialCheckpoints(folder, spec)
        checkpoints.restore(first)
        reports = first.epochs(after_each=partial(checkpoints.write, first, 1.0))
        for report in reports:
            if report.epoch + 1 == killed_after:
                break  # its process is gone: what it holds in memory is lost

        again = _trial(spec, tiny_data)
        assert TrialCheckpoints(folder, spec).restore(again) == 1.0
        assert again.trainer.epochs_done == killed_after
        told = [report.epoch for report in again.epochs()]
        assert told == list(range(killed_after, whole.found.epochs_looked_at))
        assert again.found is not None
        assert again.found.epochs == whole.found.epochs
        assert again.found.epochs_looked_at == whole.found.epochs_looked_at
        assert again.found.report.judgement == whole.found.report.judgement
        assert again.found.report.sharpened == whole.found.report.sharpened
        assert all(map(torch.equal, _weights(again), _weights(whole)))


def test_an_interruption_within_an_epoch_is_told_and_the_kept_checkpoint_is_that_of_the_length(
    tiny_config: SweepConfig, tiny_data: ForecastData, tmp_path: Path
) -> None:
    spec = _spec(auto_config(tiny_config))
    trial = _trial(spec, tiny_data)
    answers = _interrupted_after(2 * trial.trainer.steps_an_epoch + 1)
    with pytest.raises(Interrupted):
        list(trial.epochs(lambda: next(answers)))
    assert len(trial.reports) == 2

    checkpoints = TrialCheckpoints(tmp_path, spec)
    checkpoints.restore(trial)
    seconds = 3.0
    list(trial.epochs(after_each=lambda: checkpoints.write(trial, seconds)))
    assert trial.found is not None
    checkpoints.write_found(trial, trial.found, seconds)

    fixed = spec.with_length(trial.found.epochs)
    kept = _trial(fixed, tiny_data)
    assert TrialCheckpoints(tmp_path, fixed).restore(kept) == seconds
    assert kept.is_done
    assert [r.judgement for r in kept.reports] == [r.judgement for r in trial.reports]
    again = _trial(spec, tiny_data)
    TrialCheckpoints(tmp_path, spec).restore(again)
    assert list(again.epochs()) == [], "an attempt that goes on has nothing left to train"
    assert again.found is not None
    assert again.found.epochs == trial.found.epochs


def test_one_that_still_improves_at_its_most_steps_says_so(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    config = auto_config(
        tiny_config, least_steps=6, most_steps=36, patience_steps=36, learning_rate=5e-4
    )
    trial = _trial(_spec(config), tiny_data)
    list(trial.epochs())
    assert trial.found is not None
    most = 36 // trial.trainer.steps_an_epoch
    assert (trial.found.epochs, trial.found.epochs_looked_at) == (most, most)
    assert trial.found.reached_most


def test_an_epoch_of_part_of_the_windows_draws_them_anew_each_time(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    """And one of several passes has every window in each."""
    seen: list[list[int]] = []
    windows = len(tiny_data.train)
    for count in (5, 2 * windows):
        run = tiny_config.run_with({"training.epoch_windows": count, "training.epochs": 2})
        trial = Trial(run, tiny_data, find_hardware(run.training))
        orders = [trial.trainer._order().tolist() for _ in range(2)]
        assert [len(order) for order in orders] == [count, count]
        assert orders[0] != orders[1]
        seen.append(orders[0])
        assert trial.trainer.steps_an_epoch == -(-count // run.training.batch_size)
    assert len(set(seen[0])) == 5
    assert sorted(seen[1]) == sorted([*range(windows)] * 2)
