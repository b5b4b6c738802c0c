"""A project that only writes checkpoints: a second script of ten lines exports its forecast."""

from pathlib import Path

import numpy as np
import pytest

from fieldsharp.sweep.study.trial_events import TrialDone
from tests.sweep.execution.script.scripts import run_script

TRAIN = """
import torch
def build_model():
    return torch.nn.Conv2d(1, 1, 3, padding=1)
def validation_set():
    torch.manual_seed(1)
    return [(x, 0.5 * x) for x in torch.randn(8, 1, 12, 12)]
if __name__ == "__main__":
    import os
    os.makedirs("checkpoints")
    model = build_model()
    for p in model.parameters(): torch.nn.init.zeros_(p)
    torch.save(model.state_dict(), "checkpoints/last.pt")
"""
EXPORT = """
from pathlib import Path
import numpy as np
import torch
from train import build_model, validation_set  # yours

newest = max(Path("checkpoints").glob("*.pt"), key=lambda path: path.stat().st_mtime)
model = build_model()
model.load_state_dict(torch.load(newest, weights_only=True))
model.eval()
with torch.no_grad():
    pairs = [(model(x[None])[0].numpy(), y.numpy()) for x, y in validation_set()]
np.savez("forecast.npz", forecast=[p for p, _ in pairs], truth=[y for _, y in pairs])
"""


def test_a_second_script_turns_a_checkpoint_into_a_forecast(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "export_forecast.py").write_text(EXPORT, encoding="utf-8")
    file = {"path": "forecast.npz", "axes": ["sample", "lead", "y", "x"]}
    ran = run_script(
        tmp_path,
        TRAIN,
        then=["python", "export_forecast.py"],
        forecast={**file, "key": "forecast"},
        truth={**file, "key": "truth"},
        patterns={},
    )
    assert isinstance(ran.end, TrialDone), ran.reason
    import torch

    torch.manual_seed(1)
    truth = 0.5 * torch.randn(8, 1, 12, 12).double().numpy()
    expected = np.sqrt((truth**2).mean())
    assert ran.reports[0].metrics["rmse"] == pytest.approx(expected)
