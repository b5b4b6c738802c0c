"""Code of the user's that fails in the middle of a training is named by its line."""

import multiprocessing
import sys
from pathlib import Path

import pytest

from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.execution.local.worker import Worker
from fieldsharp.sweep.study.trial_events import TrialFailed
from fieldsharp.sweep.study.trial_spec import Assignment, TrialSpec

LOSS = """\
calls = 0

def fragile(pred, target, mask):
    global calls
    calls += 1
    if calls > 2:
        raise RuntimeError("boom")
    return (pred - target).abs().mean(dim=(1, 2, 3, 4))
"""


def test_the_line_is_in_the_reason(
    tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_fragile.py").write_text(LOSS)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = ["plugins=[own_fragile]", "loss.variant=own_fragile:fragile"]
    run = load_config(tiny_yaml, [*settings, "loss.gradient_weight=1"]).config.run
    ours, theirs = multiprocessing.Pipe()
    Worker(theirs)._run(Assignment(spec=TrialSpec(number=0, run=run), checkpoints=None))
    while not isinstance(event := ours.recv(), TrialFailed):
        pass
    assert event.reason == "RuntimeError: boom (line 7 of own_fragile.py)"
    sys.modules.pop("own_fragile")
