"""Trials of nets of libraries: resumed bit by bit, and trained, exported and loaded as runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.checkpoint import Checkpoint, decode, encode
from fieldsharp.model.device import find_hardware
from fieldsharp.model.schedule import Schedule
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.trials.trial import Trial

NETS = "tests.model.predictors.nets"


def settings(module: str, name: str = "image", *further: str) -> list[str]:
    return [
        f"plugins=[{NETS.rpartition('.')[0]}, neuralop]",
        f"predictor={{name: {name}, options: {{module: '{module}'}}}}",
        "training.epochs=3",
        *further,
    ]


@pytest.mark.parametrize("schedule", ["cosine", "schedule_free"])
def test_a_net_with_complex_weights_is_resumed_bit_by_bit(
    tiny_yaml: Path, tiny_data: ForecastData, schedule: Schedule
) -> None:
    changes = settings(f"{NETS}:OfFourier", "image", f"training.schedule={schedule}")
    run = load_config(tiny_yaml, changes, one_training=True).config.run
    hardware = find_hardware(run.training)
    at_once = Trial(run, tiny_data, hardware)
    halted = Trial(run, tiny_data, hardware)
    list(at_once.epochs())
    list(halted.epochs(until=1))
    stored = decode(encode(Checkpoint("x", halted.state(), "", 0.0)))
    resumed = Trial(run, tiny_data, hardware)
    resumed.restore(stored.trainer, list(halted.reports))
    list(resumed.epochs())
    one, other = at_once.predictor.state_dict(), resumed.predictor.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert at_once.reports[-1].metrics == resumed.reports[-1].metrics


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        settings(f"{NETS}:OfFourier"),
        settings(f"{NETS}:conv3d", "video", "predictor.options.order=BCTHW"),
        settings(
            "neuralop.models:FNO",
            "image",
            "predictor.options.arguments={n_modes: [4, 4], hidden_channels: 4}",
        ),
    ],
    ids=["Fourier", "video", "FNO"],
)
def test_a_run_folder_predicts(
    tiny_yaml: Path, tmp_path: Path, changes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word for change in changes for word in ("--set", change)]
    assert main(["train", str(tiny_yaml), "-o", str(tmp_path / "run"), *given]) == 0
    forecast = tmp_path / "forecast.nc"
    assert main(["predict", str(tmp_path / "run"), "-o", str(forecast)]) == 0
    assert forecast.is_file()
    assert "Traceback" not in capsys.readouterr().err
