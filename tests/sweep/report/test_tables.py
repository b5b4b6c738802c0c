"""The tables of a report, from figures worked by hand."""

from dataclasses import replace

from fieldsharp.sweep.report import tables
from tests.sweep.report.conftest import Whole
from tests.sweep.study.confirmation.seed_runs import confirmation_with_references


def test_the_confirmation_shows_sharpeners_and_references(whole: Whole) -> None:
    report = replace(whole.report, confirmation=confirmation_with_references())
    table = tables.confirmation(report)
    assert table is not None
    assert list(table.headings[:5]) == ["", "configuration", "sharpener", "score", "held score"]
    assert {len(row) for row in table.rows} == {len(table.headings)}
    assert [list(row[:5]) for row in table.rows[1:]] == [
        ["trial 0 (baseline)", "baseline", "none", "0.6931", "0.6931"],
        ["baseline", "without any further training", "inflate", "0.2231", "0.2231"],
        ["baseline", "without any further training", "quantile", "0.075", "0.6931"],
        ["trial 4", "words of t4", "unsharp", "0", "0"],
    ]
    assert [row[-1] for row in table.rows[1:]] == ["1 of 1", "1 of 1", "0 of 1", "1 of 1"]
    assert table.bold_row == 4
