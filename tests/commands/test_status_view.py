"""The state of a study in a terminal: what needs no training, sharpeners and the frontier."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.commands.status_view import show_status
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.references import (
    BEFORE_SHARPENERS,
    SharpeningStatus,
    Unsharpened,
)
from fieldsharp.sweep.study.status.report import StudyStatus, study_status


@pytest.fixture
def status(finished_url: str) -> StudyStatus:
    return study_status(load_study(open_database(finished_url, "read"), "tiny"), finished_url)


def _said(status: StudyStatus, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    show_status(status, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_reference_is_a_row_below_the_baseline(status: StudyStatus) -> None:
    lines = _said(status).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("baseline"))
    rows = lines[first + 1 : first + 6]
    for line, one in zip(rows, status.references, strict=True):
        assert line.startswith(f"  + {one.name}")
        assert f"{one.score:.4g}" in line
        assert ("*" in line) is not one.feasible
    assert lines[first + 6].startswith("best")


def test_the_rows_fit_a_narrow_terminal(status: StudyStatus) -> None:
    table = _said(status, 72).split("skill is 1")[0].splitlines()
    assert sum(line.startswith("  + ") for line in table) == 5


def test_the_best_without_training_is_named(status: StudyStatus) -> None:
    best = replace(status.references[0], feasible=True, score=0.0123)
    shown = replace(status, references=[best], best_reference=best.name)
    assert f"the best without training is the baseline + {best.name}, score 0.0123" in _said(shown)
    broken = replace(best, feasible=False)
    assert "every sharpener of the baseline breaks a guard" in _said(
        replace(shown, references=[broken])
    )


def test_the_sharpener_of_the_best_is_said_with_what_it_is_without(status: StudyStatus) -> None:
    assert status.best is not None
    without = Unsharpened(score=0.456, gradient=1.0, peak=1.0, rmse=1.0, feasible=False)
    best = replace(status.best, sharpening=SharpeningStatus("unsharp", without))
    said = _said(replace(status, best=best))
    assert "with unsharp; without it score 0.456, and it breaks a guard" in said
    plain = replace(status.best, sharpening=SharpeningStatus("none", without))
    assert "without it score" not in _said(replace(status, best=plain))


def test_where_there_are_no_references_it_says_why(status: StudyStatus) -> None:
    none = replace(status, references=[], best_reference=None, references_note="why not")
    assert "no forecast without training is compared: why not" in _said(none)


def test_the_distance_of_the_best_from_the_frontier_is_given_in_percent(
    status: StudyStatus,
) -> None:
    assert status.best is not None
    best = replace(status.best, rmse=1.1, excess_over_frontier=0.1)
    said = _said(replace(status, best=best), width=300)
    assert "the rmse of the best is 10.0 % above the frontier" in said
    assert "the frontier" not in _said(replace(status, best=best, frontier=None), width=300)


def test_a_study_of_a_version_without_sharpeners_is_shown_as_before(status: StudyStatus) -> None:
    old = replace(
        status, references=[], best_reference=None, references_note=BEFORE_SHARPENERS, frontier=None
    )
    said = _said(old, width=300)
    assert "without training" not in said
    assert "+ " not in said.split("skill is 1")[0]
