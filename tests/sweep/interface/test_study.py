"""A study as a notebook looks at it: the same as the commands tell."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import fieldsharp
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.interface.study import Study
from tests.sweep.members_study import MembersStudy

COLUMNS = {
    *("state", "values", "score", "gradient", "peak", "rmse", "feasible", "guards_broken"),
    *("sharpener", "epochs", "seconds", "preset", "gradient_weight", "loss_variant"),
}


@pytest.fixture
def study(finished_url: str) -> Study:
    return fieldsharp.open_study("tiny", sqlite_path(finished_url))


def test_it_tells_what_status_tells(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "tiny", "--storage", study.storage, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert json.loads(json.dumps(study.status().as_json())) == told
    assert study.best is not None
    assert (study.best.number, study.best.score) == (told["best"]["trial"], told["best"]["score"])
    assert (study.verdict.name, study.verdict.reason) == (
        told["verdict"]["name"],
        told["verdict"]["reason"],
    )
    assert str(study.verdict).startswith(f"{study.verdict.name}: ")
    assert "&lt;" not in study._repr_html_()
    assert study.verdict.name in study._repr_html_()
    assert repr(study).startswith("<study tiny in sqlite:///")


def test_every_trial_is_a_row(study: Study) -> None:
    table, best = study.trials, study.best
    assert list(table.index) == list(range(8))
    assert set(table.columns) >= COLUMNS
    assert best is not None
    row = table.loc[best.number]
    assert (row["score"], row["gradient"], row["rmse"]) == (best.score, best.gradient, best.rmse)
    assert table.loc[0, "preset"] == "baseline"
    assert table.loc[0, "gradient_weight"] == 0.0


def test_maps_are_figures_that_a_notebook_shows(study: Study) -> None:
    figure = study.maps(trial=0)
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    with pytest.raises(fieldsharp.FieldsharpError, match="did you mean 'spectra'"):
        study.picture("spectrum")
    with pytest.raises(fieldsharp.FieldsharpError, match="has no trial 99"):
        study.maps(99)


def test_pictures_of_members_are_drawn_of_an_ensemble_alone(
    study: Study, members_study: MembersStudy
) -> None:
    ensembles = fieldsharp.open_study("members", sqlite_path(members_study.url))
    assert isinstance(ensembles.picture("rank-histogram", trial=1), Figure)
    for one in (study, ensembles):
        with pytest.raises(fieldsharp.FieldsharpError, match="no members to draw reliability of"):
            one.picture("reliability", trial=0)


def test_a_report_is_written_and_framed(study: Study, tmp_path: Path) -> None:
    report = study.report(tmp_path / "r.html")
    assert report.path.stat().st_size == report.size
    frame = report.show(300)._repr_html_()
    assert frame.startswith('<iframe sandbox="" ')
    assert "<script" not in frame


def test_an_export_is_that_of_the_command(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = study.export(tmp_path / "best.json", trial=0)
    assert (tmp_path / "best.json").read_text() == text
    command = ["export", "tiny", "--storage", study.storage, "--trial", "0", "--format", "json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(text)


def test_a_study_that_is_not_there_is_an_error_of_the_project(study: Study, tmp_path: Path) -> None:
    with pytest.raises(fieldsharp.FieldsharpError, match="did you mean 'tiny'"):
        fieldsharp.open_study("tinny", study.storage)
    with pytest.raises(fieldsharp.FieldsharpError, match=r"nothing\.db"):
        fieldsharp.open_study("tiny", tmp_path / "nothing.db")
    gone = Study("tiny", f"sqlite:///{tmp_path}/nothing.db")
    assert "nothing.db" in gone._repr_html_()  # shown, not raised
    assert "nothing.db" in repr(gone)
