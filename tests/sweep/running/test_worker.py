"""A worker in this process."""

import multiprocessing

import pytest

from sweep.configuration.settings import SweepConfig
from sweep.running import worker as workers
from sweep.running.assignment import Assignment
from sweep.running.executor import EpochDone, TrialDone
from sweep.running.judging import Judge
from sweep.running.worker import Worker
from sweep.study.trial_spec import Part, TrialSpec


def test_a_worker_judges_the_part_it_is_told_to_and_keeps_its_judges(
    tiny_config: SweepConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Judge] = []

    class Counted(Judge):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(workers, "Judge", Counted)
    ours, theirs = multiprocessing.Pipe()
    worker = Worker(theirs, 0)
    parts: tuple[Part, ...] = ("validation", "test", "validation", "test")
    for number, part in enumerate(parts):
        spec = TrialSpec(number=number, run=tiny_config.run, judged_on=part)
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
