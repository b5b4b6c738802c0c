"""Rows of fields: how they are defined, run, gone on with and shown; a tiny sweep is a real one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fields import __main__ as fields
from benchmarks.fields import sweeps
from benchmarks.fields.results import (
    ConfirmedFigures,
    Key,
    ReferenceFigures,
    Result,
    Said,
    Sharpness,
    add_result,
    latest,
    read_results,
)
from benchmarks.fields.rows import FEW_WINDOWS, ROWS, SHORT_ROWS, Right, Row
from benchmarks.fields.sources import MissingFile, Source, Stored, code_sha256, values_sha256
from benchmarks.fields.table import HEADINGS, table
from data.drift_settings import DriftSettings
from data.plume_settings import PlumeSettings
from data.variants import Variant
from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.configuration.config_file import load_config
from tests.sweep.wide_guards import WIDE

TINY = Row(
    "tiny",
    Source(PlumeSettings(frames=150, size=16)),
    {"success": Right("it is the one that a test asks for")},
    changes=("training.epochs=1", "predictor.width=4", "search.presets=sharpeners"),
    trials=2,
    seeds=1,
)
LATER = "training.length="
"""A setting that not every version has."""


def a_result(row: str = "tiny", *names: str) -> Result:
    return Result(
        key=Key(row, "setup", "code", "data"),
        verdicts=[Said(name, "reason", "advice") for name in names or ("success",)],
        baseline=Sharpness(0.812, 0.834),
        baseline_rmse=7.2e-4,
        reference=ReferenceFigures("unsharp", 0.051, True, 0.0474, 3),
        confirmed=ConfirmedFigures(
            *(7, "sorted 2", "none", True, 0.022, Sharpness(0.967, 0.933), 1.002, 3, 3)
        ),
        trials={"COMPLETE": 9, "PRUNED": 15},
        epochs=200,
        steps=12_600,
        seconds=171.0,
        date="2026-01-01T00:00:00+00:00",
        commit="abc",
        machine="a machine",
    )


def test_rows_are_named_once_and_have_a_reason_for_every_right_verdict() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 12
    for row in (*ROWS, *SHORT_ROWS):
        assert row.right
        assert all(len(right.why) > 20 for right in row.right.values())
    assert {row.name for row in SHORT_ROWS} < {row.name for row in ROWS}
    assert len(SHORT_ROWS) == 4


def test_the_rows_differ_in_the_verdict_that_is_right() -> None:
    only = {next(iter(row.right)) for row in ROWS if len(row.right) == 1}

    assert only == {"success", "nothing to fix", "train longer"}
    assert not any("success" in row.right for row in ROWS if row.name in ("drift", "noise"))


@pytest.mark.parametrize("row", [*ROWS, *SHORT_ROWS], ids=lambda row: row.name)
def test_the_settings_of_a_row_are_accepted(row: Row, tmp_path: Path) -> None:
    given = [change for change in row.changes if not change.startswith(LATER)]

    config = load_config(PROJECT / "configs" / f"{row.config}.yaml", given).config

    training = {change.partition("=")[0] for change in row.changes if "training." in change}
    assert not training or row.right.keys() == {"train longer"}
    assert config.budget.trials >= row.trials


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", [row for row in (*ROWS, *SHORT_ROWS) if row.source.is_here], ids=lambda row: row.name
)
def test_the_field_of_a_row_can_be_made(row: Row, tmp_path: Path) -> None:
    path = row.source.path(tmp_path, tmp_path)

    assert values_sha256(path) == values_sha256(row.source.path(tmp_path, tmp_path))
    assert path.parent == (PROJECT / "data" if path.name != "field.nc" else tmp_path)


def test_every_verdict_must_be_right_before_and_after_the_confirmation() -> None:
    row = replace(
        TINY, right={"success": Right("provisional", FEW_WINDOWS), "not confirmed": Right("luck")}
    )
    few = f"{FEW_WINDOWS}: trial 3 leads"

    def is_right(*said: tuple[str, str]) -> bool:
        verdicts = [Said(name, reason, "") for name, reason in said]
        return row.is_right(replace(a_result(), verdicts=verdicts))

    assert is_right(("success", few), ("not confirmed", "lost"))
    assert not is_right(("success", "trial 3 leads"), ("not confirmed", ""))
    assert not is_right(("success", few), ("stuck", few))


@pytest.mark.parametrize(
    ("score", "feasible", "holds"), [(0.0474, 3, True), (0.048, 3, False), (0.02, 2, False)]
)
def test_a_success_must_be_feasible_with_all_seeds_and_not_behind_the_reference(
    score: float, feasible: int, holds: bool
) -> None:
    result = a_result("tiny", "success", "success")
    assert result.confirmed is not None
    confirmed = replace(result.confirmed, score=score, feasible=feasible)

    assert TINY.is_right(replace(result, confirmed=confirmed)) is holds


def test_another_right_verdict_asks_for_no_new_run_but_other_trials_do() -> None:
    assert replace(TINY, right={}).setup_sha256 == TINY.setup_sha256
    assert replace(TINY, trials=3).setup_sha256 != TINY.setup_sha256
    varied = Source(TINY.source.origin, Variant(trend=1.0))
    assert replace(TINY, source=varied).setup_sha256 != TINY.setup_sha256


def test_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "fields.jsonl"
    bare = replace(a_result("bare", "stuck"), reference=None, confirmed=None)
    add_result(file, a_result())
    add_result(file, bare)
    add_result(file, a_result("tiny", "promising"))

    assert read_results(file) == [a_result(), bare, a_result("tiny", "promising")]
    assert latest(read_results(file))["tiny"].verdicts[0].name == "promising"
    assert [entry.name for entry in file.parent.iterdir()] == ["fields.jsonl"]


def test_the_table_has_a_line_for_each_row_that_was_run() -> None:
    right = {"success": Right("it is cured"), "sharpen": Right("a filter does")}
    rows = [replace(TINY, name=name, right=right) for name in ("tiny", "not run", "wrong")]
    wrong = replace(a_result("wrong", "success", "stuck"), confirmed=None, reference=None)

    head, rule, first, second, _, *whys = table(rows, {"tiny": a_result(), "wrong": wrong})

    assert head.count("|") == rule.count("|") == first.count("|") == len(HEADINGS) + 1
    assert [cell.strip() for cell in first.strip("|").split("|")] == [
        *("tiny", "success or sharpen", "success", "yes", "0.81 / 0.83"),
        *("`unsharp` 0.051, 0.047", "7: sorted 2: 0.022", "0.97 / 0.93", "1.002"),
        *("3 of 3", "200, 12,600", "2.9 min"),
    ]
    assert "| success, then stuck | **no** |" in second
    assert second.count("| - ") == 5
    assert whys[0] == "- tiny: *success*, it is cured; *sharpen*, a filter does."


def test_a_field_that_is_not_there_is_skipped_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--rows", "temperature", "--folder", str(tmp_path), "--results", str(tmp_path / "r")]

    assert fields.main(asked) == 0

    told = capsys.readouterr()
    assert "temperature is skipped: there is no" in told.err
    assert "--folder" in told.err
    assert not (tmp_path / "r").exists()
    with pytest.raises(MissingFile):
        Source(Stored("no.nc", "x", is_shipped=False)).path(tmp_path, tmp_path)


def test_the_folder_may_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def looked_into(
        rows: list[Row], folder: Path, file: Path
    ) -> tuple[dict[str, Result], list[str]]:
        asked.append(folder)
        return {}, []

    monkeypatch.setenv("FIELDS_FOLDER", str(tmp_path))
    monkeypatch.setattr(fields, "run_rows", looked_into)

    assert fields.main(["--short"]) == 0
    assert asked == [tmp_path]


def test_the_table_alone_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fields.jsonl"
    add_result(file, a_result("drift", "success"))

    assert fields.main(["--table", "--results", str(file)]) == 1

    assert "| drift | nothing to fix | success | **no** |" in capsys.readouterr().out


def test_a_killed_run_goes_on_with_the_rows_that_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Source(DriftSettings(frames=20, size=16))
    rows = [replace(TINY, name=name, source=small) for name in ("one", "two", "three")]
    file = tmp_path / "fields.jsonl"
    ran: list[str] = []

    def killed_at_two(row: Row, path: Path, key: Key, work: Path) -> Result:
        ran.append(row.name)
        if ran == ["one", "two"]:
            raise KeyboardInterrupt
        return replace(a_result(row.name), key=key)

    monkeypatch.setattr(fields, "run_row", killed_at_two)
    with pytest.raises(KeyboardInterrupt):
        fields.run_rows(rows, tmp_path, file)
    found, failed = fields.run_rows(rows, tmp_path, file)

    assert ran == ["one", "two", "two", "three"]
    assert list(found) == ["one", "two", "three"]
    assert not failed
    assert len(read_results(file)) == 3


@pytest.mark.parametrize("changed", ["code", "data", "setup"])
def test_a_row_is_run_again_if_what_it_depends_on_has_changed(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(TINY, source=Source(DriftSettings(frames=20, size=16)))
    path = row.source.path(tmp_path, tmp_path)
    key = Key(row.name, row.setup_sha256, code_sha256(), values_sha256(path))
    file = tmp_path / "fields.jsonl"
    add_result(file, replace(a_result(), key=replace(key, **{changed: "another"})))
    asked: list[Key] = []

    def kept(row: Row, path: Path, key: Key, work: Path) -> Result:
        asked.append(key)
        return replace(a_result(), key=key)

    monkeypatch.setattr(fields, "run_row", kept)
    fields.run_rows([row], tmp_path, file)
    fields.run_rows([row], tmp_path, file)

    assert asked == [key]


def test_a_row_that_fails_is_named_and_the_others_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = replace(TINY, name="bad", changes=("data.no_such=1",))

    found, failed = fields.run_rows([bad], tmp_path, tmp_path / "fields.jsonl")

    assert not found
    assert failed[0].startswith("bad failed: start ended with exit code 2: ")
    assert "no_such" in failed[0]


@pytest.mark.outside
def test_a_row_is_swept_confirmed_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the verdict of so small a sweep is, it is confirmed here."""
    anything = (
        "success",
        "promising",
        "stuck",
        "gamed",
        "nothing to fix",
        "train longer",
        "sharpen",
    )
    monkeypatch.setattr(sweeps, "CONFIRMED", anything)
    wide = {**WIDE, "peak_isolation": 100.0, "roughness_db": 60.0}
    easy = [f"objective.guards.{guard}={limit}" for guard, limit in wide.items()]
    row = replace(TINY, changes=(*TINY.changes, *easy, "budget.stop_on_nothing_to_fix=false"))
    file = tmp_path / "fields.jsonl"

    found, failed = fields.run_rows([row], tmp_path, file)

    assert not failed
    (kept,) = read_results(file)
    assert kept == found["tiny"]
    assert 0.2 < kept.baseline.gradient < 2.0
    assert kept.reference is not None
    assert sum(kept.trials.values()) >= 2
    assert len(kept.verdicts) == 2
    assert kept.confirmed is not None
    assert kept.confirmed.sharpness is not None
    assert kept.confirmed.seeds == 1
    assert kept.reference.test_score is not None
    assert kept.epochs == 4  # of one epoch each: two trials, and both again with another seed
    assert kept.steps == kept.epochs * 5  # 38 windows in batches of 8
    assert json.loads(file.read_text())["key"]["row"] == "tiny"
