"""A sweep that predicts three variables, from start to export, report, train and confirm."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import xarray as xr

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.dashboard.views.artifact_store import PictureArtifactStore
from fieldsharp.sweep.study.files.artifacts import PICTURES, TrialPicture
from fieldsharp.sweep.study.lookup import load_study, study_identity
from fieldsharp.sweep.study.trial_records import read_spec, trial_record
from tests.sweep.several_variables import NAMES, UNITS, settings_text, write_three_variables

STORAGE = "sqlite:///x.db"


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_three_variables_from_start_to_confirm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_three_variables(Path("three.nc"))
    Path("sweep.yaml").write_text(settings_text(tmp_path / "three.nc"))
    assert main(["start", "sweep.yaml", "--storage", STORAGE]) == 0
    shown = capsys.readouterr().out
    assert all(f"{name} [{UNITS[name]}]" in shown for name in NAMES)
    assert "the score of a trial is the mean over variables" in shown

    status = _json(capsys, "status", "several", "--storage", STORAGE, "--json")
    assert list(status["variables"]) == list(NAMES)
    best = [one["best"] for one in status["variables"].values()]
    assert status["best"]["score"] == pytest.approx(fmean(one["score"] for one in best))
    assert status["best"]["gradient"] == best[0]["gradient"]
    assert status["verdict"]["variables"].keys() == status["variables"].keys()

    study = load_study(open_database(STORAGE, "read"), "several")
    for trial in study.get_trials()[:3]:
        record = trial_record(trial)
        assert record is not None
        assert record.score == pytest.approx(fmean(one.score for one in record.variables.values()))
        names = {name.partition(": ")[0] for name in trial.constraints}
        assert {"u10", "tcwv", "rmse"} <= names
    spec = read_spec(study.get_trials()[0])
    assert spec is not None
    store = PictureArtifactStore(open_database(STORAGE, "read"), STORAGE)
    for variable in range(3):
        for picture in (name for name, kind in PICTURES.items() if not kind.of_members):
            identity, start = study_identity(study), spec.fingerprint[:12]
            artifact = TrialPicture(identity, 0, start, picture, variable).artifact_id
            assert store.open_reader(artifact).read(8) == b"\x89PNG\r\n\x1a\n"

    assert main(["export", "several", "--storage", STORAGE, "-o", "best.yaml"]) == 0
    capsys.readouterr()
    assert main(["train", "best.yaml", "-o", "run"]) == 0
    assert "largest relative difference from the exported metrics: 0.0e+00" in (
        capsys.readouterr().out
    )
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics == status["best"]["metrics"]
    assert {"rmse", "u10: rmse", "tcwv: rmse"} <= metrics.keys()
    history = next(csv.reader(Path("run/history.csv").read_text().splitlines()))
    assert "tcwv: gradient" in history
    if status["best"]["sharpening"]["name"] != "none":
        assert Path("run/sharpener-3.safetensors").exists()
    assert main(["predict", "run", "--steps", "2", "-o", "forecast.nc"]) == 0
    with xr.open_dataset("forecast.nc", engine="h5netcdf") as found:
        assert set(NAMES) <= set(found.data_vars)

    assert main(["report", "several", "--storage", STORAGE, "-o", "report.html"]) == 0
    page = Path("report.html").read_text()
    for anchor in re.findall(r'<a href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "Scores of each variable" in page

    confirm = ["confirm", "several", "--storage", STORAGE, "--seeds", "1", "--top", "1"]
    assert main(confirm) == 0
    confirmation = _json(capsys, "status", "several", "--storage", STORAGE, "--json")[
        "confirmation"
    ]
    assert list(confirmation["variables"]) == list(NAMES)
    first = confirmation["trials"][0]
    scores = [one["score"]["mean"] for one in first["variables"].values()]
    assert first["score"]["mean"] == pytest.approx(fmean(scores))


@pytest.mark.slow
def test_check_says_what_it_finds_of_each_variable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_three_variables(tmp_path / "three.nc")
    (tmp_path / "sweep.yaml").write_text(settings_text(tmp_path / "three.nc"))

    main(["check", str(tmp_path / "sweep.yaml"), "--json"])

    found = {one["name"]: one["detail"] for one in json.loads(capsys.readouterr().out)["checks"]}
    for check in ("units", "values in training", "values in test", "level", "mask", "blur"):
        assert all(name in found[check] for name in NAMES), check
