"""Metrics that scripts log by the real loggers: Lightning's CSV, JSON lines, TensorBoard."""

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.sweep.study.trial_events import RungReached, TrialDone, TrialFailed
from tests.sweep.execution.script.scripts import run_script

NAMES = {name: f"val/{name}" for name in ("gradient", "peak", "rmse")}
CSV = {"path": "logs/**/metrics.csv", "names": NAMES}
LIGHTNING = """
import os, time
from lightning.pytorch.loggers import CSVLogger
log = CSVLogger("logs", flush_logs_every_n_steps=1)
for epoch in range(4):
    log.log_metrics({"train_loss": 1.0, "epoch": epoch}, step=10 * epoch + 5)
    values = {"val/gradient": 1.0 + epoch, "val/peak": 100.0, "val/rmse": 0.5}
    log.log_metrics({**values, "epoch": epoch}, step=10 * epoch + 9)
    THEN
log.log_metrics({"train_loss": 0.5, "epoch": 3}, step=40)
log.save()
"""


def test_the_last_value_of_each_column_counts_and_rows_of_training_are_passed_over(
    tmp_path: Path,
) -> None:
    old = tmp_path / "project" / "logs" / "lightning_logs" / "version_0"
    old.mkdir(parents=True)
    (old / "metrics.csv").write_text("val/gradient,val/peak,val/rmse\n9,9,9\n", encoding="utf-8")
    progress = {"epoch": "epoch", "first": 0}
    ran = run_script(
        tmp_path,
        LIGHTNING.replace("THEN", ""),
        epochs=4,
        metrics=CSV,
        patterns={},
        progress=progress,
    )
    assert isinstance(ran.end, TrialDone), ran.reason
    assert [report.metrics["gradient"] for report in ran.reports] == [1, 2, 3, 4]
    assert ran.reports[-1].metrics == {"gradient": 4.0, "peak": 100.0, "rmse": 0.5}


def test_a_script_that_logs_is_paused_at_a_rung(tmp_path: Path) -> None:
    source = LIGHTNING.replace("THEN", "log.save(); print(epoch, flush=True); time.sleep(1)")
    settings: dict[str, Any] = {"metrics": CSV, "patterns": {}, "progress": {}}
    ran = run_script(tmp_path, source, epochs=4, until=2, resumes=True, **settings)
    assert isinstance(ran.end, RungReached), ran.reason
    assert [report.epoch for report in ran.reports] == [0, 1]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("0,1,2,3\n1,1,2,nan\n", "the rmse in m.csv is no number in its end (nan): the training"),
        ("0,1,2,3\n1,1,2,\n", "the rmse in m.csv is no number in row 2, where it is empty: the"),
        ("0,1,2,3\n1,1,2,x\n", "the rmse in m.csv is 'x', which is no number"),
        ("0,1,2,\n", "m.csv has no value of rmse in any row"),
        ("", "unknown column 'gradient'"),
    ],
)
def test_a_training_that_diverged_or_logged_nothing_fails(
    tmp_path: Path, rows: str, reason: str
) -> None:
    source = f"open('m.csv', 'w').write({'epoch,gradient,peak,rmse' + chr(10) + rows!r})\n"
    ran = run_script(tmp_path, source, metrics="m.csv", patterns={})
    if not rows:
        assert isinstance(ran.end, TrialFailed)
        return
    assert reason in ran.reason


def test_json_lines_and_another_number_of_the_first_epoch(tmp_path: Path) -> None:
    source = (
        "import json\nwith open('m.jsonl', 'w') as f:\n    for e in (1, 2, 3):\n"
        "        f.write(json.dumps({'e': e, 'gradient': e, 'peak': 1, 'rmse': 2}) + chr(10))\n"
    )
    settings: dict[str, Any] = {"metrics": "m.jsonl", "patterns": {}}
    ran = run_script(tmp_path, source, epochs=3, progress={"epoch": "e", "first": 1}, **settings)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert [report.metrics["gradient"] for report in ran.reports] == [1, 2, 3]


def test_event_files_of_tensorboard(tmp_path: Path) -> None:
    source = (
        "from torch.utils.tensorboard import SummaryWriter\nw = SummaryWriter('runs/a')\n"
        "for s in range(3):\n    w.add_scalar('loss', 1.0, 100 * s + 5)\n"
        "    for n, v in (('gradient', s + 1.5), ('peak', 9), ('rmse', 0.5)):\n"
        "        w.add_scalar('val/' + n, v, 100 * s + 9)\nw.close()\n"
    )
    ran = run_script(
        tmp_path,
        source,
        epochs=3,
        metrics={"path": "runs/**/events.out.tfevents.*", "names": NAMES},
        patterns={},
        progress={},
    )
    assert isinstance(ran.end, TrialDone), ran.reason
    assert [report.metrics["gradient"] for report in ran.reports] == [1.5, 2.5, 3.5]
    assert ran.reports[-1].metrics == {"gradient": 3.5, "peak": 9.0, "rmse": 0.5}
