"""A real sweep from the command line, and what each tracker holds of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import trial_record
from tests.sweep.tracking.read_back import READERS, STUDY_RUN, assert_each_once

pytestmark = [
    pytest.mark.slow,
    # MLflow's own use of SQLAlchemy, and its pool, which no method of its client closes.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]
TRACKING = "tracking: {tensorboard: {}, mlflow: {}, wandb: {project: blur}}\n"
TRIALS = 3


def test_each_tracker_holds_every_trial_and_epoch_once_with_the_end_of_all(
    tmp_path: Path, tiny_yaml: Path, plume_file: Path
) -> None:
    config = tiny_yaml.read_text(encoding="utf-8").replace("plumes.nc", str(plume_file))
    (tmp_path / "tiny.yaml").write_text(config + TRACKING, encoding="utf-8")
    done = _run(tmp_path, "start", "tiny.yaml", "--trials", str(TRIALS))
    _assert_whole(tmp_path, done.stdout)
    _run(tmp_path, "confirm", "tiny", "--top", "1", "--seeds", "1")
    done = _run(tmp_path, "resume", "tiny")
    _assert_whole(tmp_path, done.stdout)


def _run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(PROJECT / "run_sweep.py"), *arguments]
    done = subprocess.run(
        [*command, "--storage", f"sqlite:///{folder / 'x.db'}"],
        cwd=folder,
        env={**os.environ, "WANDB_MODE": "offline"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cannot show" not in done.stderr
    return done


def _assert_whole(folder: Path, output: str) -> None:
    study = load_study(open_database(f"sqlite:///{folder / 'x.db'}", "read"), "tiny")
    records = map(trial_record, study.get_trials())
    rmse = [record.metrics["rmse"] for record in records if record is not None]
    verdict = next(
        line.removeprefix("verdict: ")
        for line in output.splitlines()
        if line.startswith("verdict: ")
    )
    held = {name: read(folder, "tiny") for name, read in READERS.items()}
    for name, runs in held.items():
        assert_each_once(runs, dict.fromkeys(range(TRIALS), 2))
        for number in range(TRIALS):
            run = runs[number][0]
            assert run.parameters["gradient_weight"] == ["0.0", "0.05", "0.2"][number], name
            assert run.final["final/rmse"] == pytest.approx(rmse[number])
            assert run.state in ("1", "FINISHED", "0"), name
        (of_study,) = runs[STUDY_RUN]
        assert verdict in of_study.text, name
        assert "ug m-3" in of_study.text, name
        assert {"baseline/spectra", "baseline/maps-first-lead"} <= of_study.pictures.keys(), name
    (configuration,) = held["tensorboard"][STUDY_RUN][0].texts["configuration"]
    assert '"study": "tiny"' in configuration
