"""The choice of a net with another metric in the score, on forecasts made up by hand."""

from pathlib import Path

import pytest

from research import metric_in_score
from research.metric_in_score import chosen
from research.sharpener_fields import Line, Sharpened


def _line(net: str, score: float, fss: float, broken: list[str]) -> Line:
    forecasts = [
        Sharpened(split, "", "none", score, 1.0, 1.0, 1.0, fss, 0.5, 0.5, broken)
        for split in ("validation", "test")
    ]
    return Line("plumes", net, 0, forecasts)


def test_a_metric_outweighs_a_small_difference_in_score_but_no_broken_guard() -> None:
    sharp = _line("baseline", 0.10, 0.5, [])
    better_placed = _line("sorted", 0.12, 0.9, [])
    refused = _line("amse_mix", 0.0, 1.0, ["spike"])
    lines = [sharp, better_placed, refused]
    assert chosen(lines, "spread", "fss_90", 0.0) == ("baseline", "none")
    assert chosen(lines, "spread", "fss_90", 0.02) == ("baseline", "none")
    assert chosen(lines, "spread", "fss_90", 0.1) == ("sorted", "none")
    assert chosen([refused], "spread", "fss_90", 0.1) is None


def test_the_table_has_a_row_for_each_term(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.jsonl"
    file.write_text(_line("baseline", 0.1, 0.5, []).as_json() + "\n", encoding="utf-8")
    metric_in_score.main([str(file)])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == 1 + 3 * 3
    assert rows[0].startswith("| none | baseline, none; 0.100, 1.000 |")
