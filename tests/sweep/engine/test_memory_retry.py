"""A real sweep whose trials only fit into memory with half a batch at a time."""

from pathlib import Path

import pytest

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.run import run_sweep
from fieldsharp.sweep.monitoring.live_progress import OpenedSweep
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import MICRO_BATCHES, trial_spec

GREEDY = """
import torch
from torch import nn

class Greedy(nn.Module):
    def __init__(self, shape, width):
        super().__init__()
        self.layer = nn.Conv2d(shape.history, shape.horizon, 1)

    def forward(self, history):
        if self.training and len(history) > 4:  # of batches of 8
            torch.empty(2 ** 46)
        return self.layer(history[:, :, 0])[:, :, None]
"""


def _silent(sweep: OpenedSweep) -> SilentProgress:
    return SilentProgress(sweep.study, sweep.targets, sweep.units)


@pytest.mark.slow
def test_a_sweep_out_of_memory_completes_with_half_a_batch_at_a_time(
    tmp_path: Path, storage_url: str, tiny_config: SweepConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    tree = tiny_config.model_dump()
    tree["predictor"] |= {"name": "greedy:Greedy"}
    tree["search"]["presets"] = "baseline"
    tree["budget"] |= {"trials": 2, "stop_on_nothing_to_fix": False}
    tree["workers"]["count"] = 1
    tree["recovery"]["free_space_mb"] = 0
    if "plugins" in RunSettings.model_fields:
        tree["plugins"] = ["greedy"]
    run_sweep(SweepConfig.model_validate(tree), storage_url, _silent)
    trials = load_study(open_database(storage_url, "read"), "tiny").get_trials(deepcopy=False)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 2
    for trial in trials:
        spec = trial_spec(trial)
        assert spec is not None
        assert (spec.attempt, spec.micro_batches) == (2, 2)
        assert trial.user_attrs[MICRO_BATCHES] == 2
