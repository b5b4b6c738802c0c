"""What is kept of a trial for its pictures, by a coordinator over a real repository."""

import logging
from base64 import b64encode

import numpy as np
import pytest

from fieldsharp.storage.trial_files.checkpoints import make_attempt_folder, write_checkpoint
from fieldsharp.sweep.engine.running_trial import RunningTrial, trial_preview
from fieldsharp.sweep.study.files.previews import ForecastPreview
from fieldsharp.sweep.study.trial_events import TrialDone
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, metrics_of

FORECAST = ForecastPreview(np.ones((2, 3, 3), dtype=np.float32), np.ones((2, 4)))


def test_every_trial_keeps_its_scores_by_epoch(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=3)
    sweep.run(FakeExecutor(metrics={(1, 0): metrics_of(gradient=1.5)}))
    for trial in sweep.trials:
        sample = sweep.files.preview(trial.number)
        assert sample is not None
        epochs = sample.epochs
        assert len({len(values) for values in epochs.values()}) == 1
        assert epochs["score"].tolist() == list(trial.intermediate_values.values())
        assert epochs["loss total"][0] == 0.1
    second = sweep.files.preview(1)
    assert second is not None
    assert second.epochs["gradient"][0] == 1.5


def test_a_damaged_sample_out_of_the_spool_costs_pictures_and_no_trial(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
) -> None:
    running = RunningTrial(make_sweep(trials=1).repository.ask())
    good = b64encode(FORECAST.to_bytes()).decode()
    found = trial_preview(running, TrialDone(0, 1, 1.0, 1.0, "cpu", "float32", good))
    assert found.forecast is not None
    assert np.array_equal(found.forecast.values_LHW, FORECAST.values_LHW)
    with caplog.at_level(logging.WARNING):
        for damaged in (good[:-8], "no base64 at all!"):
            end = TrialDone(0, 1, 1.0, 1.0, "cpu", "float32", damaged)
            assert trial_preview(running, end).forecast is None
    assert caplog.text.count("no pictures of its forecast") == 2


def test_a_trial_that_heard_too_late_that_it_is_pruned_shows_no_later_forecast(
    make_sweep: MakeSweep,
) -> None:
    running = RunningTrial(make_sweep(trials=1).repository.ask(), pruned=True)
    sent = b64encode(FORECAST.to_bytes()).decode()
    assert (
        trial_preview(running, TrialDone(0, 1, 1.0, 1.0, "cpu", "float32", sent)).forecast is None
    )


@pytest.mark.parametrize(("keep_best", "kept"), [(1, {0, 1}), (0, set())])
def test_the_baseline_keeps_its_last_checkpoint_beside_the_best(
    make_sweep: MakeSweep, keep_best: int, kept: set[int]
) -> None:
    sweep = make_sweep(trials=4, recovery={"keep_best": keep_best})
    executor = FakeExecutor(metrics={(0, epoch): metrics_of(gradient=1.0) for epoch in range(9)})

    def checkpoint(_poll: int) -> None:
        for number in executor._at:
            folder = sweep.files.checkpoints(number)
            make_attempt_folder(folder, 1)
            write_checkpoint(folder, 1, 1, b"weights")

    executor.on_poll = checkpoint
    sweep.run(executor)
    assert {n for n in range(4) if sweep.files.epochs_done(n)} == kept, "0 has the worst score"
