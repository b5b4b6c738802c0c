"""A worker in this process."""

import multiprocessing
from pathlib import Path

import pytest
import torch

from fieldsharp.model.device import Hardware
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.local import worker as workers
from fieldsharp.sweep.execution.local.worker import Worker
from fieldsharp.sweep.study.trial_events import EpochDone, TrialDone, TrialFailed
from fieldsharp.sweep.study.trial_spec import Assignment, Part, SharedData, TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator


def test_a_worker_judges_the_part_it_is_told_to_and_keeps_its_judges(
    tiny_config: SweepConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Evaluator] = []

    class Counted(Evaluator):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(workers, "Evaluator", Counted)
    ours, theirs = multiprocessing.Pipe()
    worker = Worker(theirs)
    parts: tuple[Part, ...] = ("validation", "test", "validation", "test")
    for number, part in enumerate(parts):
        spec = TrialSpec(
            number=number, run=tiny_config.run, judged_on=part, judged_at_end=part == "test"
        )
        worker._run(Assignment(spec=spec, checkpoints=None))
    epochs: dict[int, list[int]] = {}
    gradients = {}
    for _ in parts:
        while not isinstance(event := ours.recv(), TrialDone):
            if not isinstance(event, EpochDone):
                continue
            epochs.setdefault(event.number, []).append(event.report.epoch)
            gradients[event.number] = event.report.metrics["gradient_observed"]
    assert epochs == {0: [0, 1], 1: [1], 2: [0, 1], 3: [1]}
    assert gradients[0] == gradients[2] != gradients[1] == gradients[3]
    assert len(made) == 2


def test_data_that_changed_meanwhile_are_refused(tiny_config: SweepConfig) -> None:
    ours, theirs = multiprocessing.Pipe()
    spec = TrialSpec(number=20, run=tiny_config.run, data_sha256="of another file")
    Worker(theirs)._run(Assignment(spec=spec, checkpoints=None))
    end = ours.recv()
    assert isinstance(end, TrialFailed)
    assert "is not the one the study was started on" in end.reason
    assert end.cause == "data"


def test_the_device_of_a_trial_tells_which_card_its_worker_has(tiny_config: SweepConfig) -> None:
    spec = TrialSpec(number=0, run=tiny_config.run)
    gpu = Hardware(torch.device("cuda", 0), torch.float32)
    cpu = Hardware(torch.device("cpu"), torch.float32)
    found = [
        Worker(multiprocessing.Pipe()[1], chosen)._done(spec, 1.0, hardware, {}).device
        for chosen, hardware in ((None, gpu), ("3", gpu), ("GPU-8932f937", gpu), ("3", cpu))
    ]
    assert found == ["cuda:0", "cuda:3", "cuda:GPU-8932f937", "cpu"]


def test_a_worker_makes_what_is_shared_or_reads_it(
    tiny_config: SweepConfig, tmp_path: Path
) -> None:
    gradients = []
    shared = SharedData(folder=tmp_path / "series", above_mb=0, floor_mb=0)
    for place in (shared, shared, None):
        ours, theirs = multiprocessing.Pipe()
        spec = TrialSpec(number=0, run=tiny_config.run)
        worker = Worker(theirs)
        worker._run(Assignment(spec=spec, checkpoints=None, shared=place))
        assert worker._data is not None
        assert worker._data[3].train.from_file is (place is not None)
        while not isinstance(event := ours.recv(), TrialDone):
            if isinstance(event, EpochDone):
                gradients.append(event.report.metrics)
    assert len([path for path in shared.folder.iterdir() if path.is_dir()]) == 1
    assert len(gradients) == 6
    assert gradients[:2] == gradients[2:4] == gradients[4:]
