"""Workers on a machine with several gpus: each sees its own, and so do its scripts."""

import logging
import time
from pathlib import Path
from typing import get_args

import pytest
import torch

from fieldsharp.fields.settings import DataSettings
from fieldsharp.sweep.configuration.execution import WorkerSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.factory import EXECUTORS, executor_plan
from fieldsharp.sweep.execution.script.project_snapshot import (
    project_snapshot,
    save_project_snapshot,
)
from fieldsharp.sweep.study.trial_events import End, TrialDone
from fieldsharp.sweep.study.trial_spec import TrialSpec

LIMIT_S = 180.0
SCRIPT = """
import os
print("sees", os.environ.get("CUDA_VISIBLE_DEVICES"))
print("gradient 2.1 peak 112 rmse 0.5")
"""
PATTERNS = {name: rf"{name} (\S+)" for name in ("gradient", "peak", "rmse")}


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process finds; the workers find what is really there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


def _with(config: SweepConfig, device: str = "auto", **settings: int | None) -> SweepConfig:
    training = config.training.model_copy(update={"device": device})
    workers = WorkerSettings(**settings)
    return config.model_copy(update={"training": training, "workers": workers})


def _project(folder: Path, study: Path) -> ScriptSettings:
    folder.mkdir()
    study.mkdir()
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    settings = ScriptSettings(
        command=("python", "train.py"), project=str(folder), patterns=PATTERNS
    )
    save_project_snapshot(settings, project_snapshot(study))
    return settings


def _script(trainer: ScriptSettings, number: int) -> TrialSpec:
    return TrialSpec(
        number=number, attempt=1, run=RunSettings(data=DataSettings(path=""), trainer=trainer)
    )


def test_every_executor_of_the_configuration_is_in_the_table() -> None:
    assert set(EXECUTORS) == set(get_args(SweepConfig.model_fields["executor"].annotation))


@pytest.mark.usefixtures("three_gpus")
def test_a_script_sees_the_gpu_of_its_worker_among_those_the_user_allows(
    tmp_path: Path, tiny_config: SweepConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5,GPU-8932f937")
    study = tmp_path / "study"
    trainer = _project(tmp_path / "project", study)
    executor = executor_plan(_with(tiny_config, count=2)).executor(study)
    try:
        assert executor.free_slots == 2
        for number in (0, 1):
            executor.submit(_script(trainer, number), study / "trials" / f"{number:06d}")
        ends: list[End] = []
        deadline = time.monotonic() + LIMIT_S
        while len(ends) < 2:
            assert time.monotonic() < deadline
            ends += [event for event in executor.poll(0.5) if isinstance(event, End)]
    finally:
        executor.close()
    assert all(isinstance(end, TrialDone) for end in ends), ends
    seen = [(study / "output" / f"00000{n}.txt").read_text(encoding="utf-8") for n in (0, 1)]
    assert [text.splitlines()[0] for text in seen] == ["sees 2", "sees 5"]


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize(
    ("settings", "device", "workers"),
    [
        ({}, "auto", 3),
        ({"per_gpu": 2}, "cuda", 6),
        ({"count": 4, "per_gpu": 2}, "auto", 4),
        ({"per_gpu": 2}, "cpu", 2),
    ],
)
def test_there_are_as_many_workers_as_the_gpus_that_may_be_used_allow(
    tiny_config: SweepConfig, tmp_path: Path, settings: dict[str, int], device: str, workers: int
) -> None:
    machines = executor_plan(_with(tiny_config, device, **settings))
    assert machines.workers == workers
    executor = machines.executor(tmp_path)
    assert executor.free_slots == workers
    executor.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_without_a_gpu_a_log_line_says_that_per_gpu_does_nothing(
    tiny_config: SweepConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert executor_plan(_with(tiny_config, per_gpu=2)).workers == 2
    assert caplog.messages == [
        "tiny: workers.per_gpu does nothing: there is no CUDA GPU to train on, 2 at a time"
    ]
