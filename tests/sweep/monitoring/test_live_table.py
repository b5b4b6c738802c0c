"""The table of a sweep: everything in it, nothing out of line, at any size of a terminal."""

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.maintenance.inspect import DiskSpace
from fieldsharp.sweep.monitoring.live_table import LiveTable, ended_trial_line
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot, TrialAtWork
from fieldsharp.sweep.study.status.state import ScoredTrial

LONG = "sorted_gradients 1.83 all, rate 2.00e-03, warm-up 0.05"
SWEEP = SweepSnapshot(
    study="quickstart",
    variable="Qair",
    units="kg kg-1",
    targets=Targets(Band(3.0, 3.3), Band(140.0, 150.0, 40.0)),
    budget=24,
    done=7,
    states={"COMPLETE": 5, "PRUNED": 1, "FAIL": 1},
    verdict=Verdict(name="promising", reason="trial 5 comes 80% of the way " * 5, next="x"),
    best=ScoredTrial(5, "sharpener: sorted 1", 0.1234, 2.8, 143.0, 9.0, 0.1234),
    baseline=ScoredTrial(0, "baseline", 0.8, 2.133, 112.0, 9.0, 0.8),
    at_work=(
        TrialAtWork(7, LONG, 7, 12, 0.2345, 3.1, 120.0, 83.0),
        TrialAtWork(8, "plan 5", 0, 12, seconds=4.0),
    ),
    workers=3,
    eta_s=203.0,
    room=DiskSpace(12345.0, 1.23),
    floor_mb=500,
    is_run=True,
    note="",
    sees_forecasts=True,
)


def _lines(shown: SweepSnapshot, width: int, height: int = 30, encoding: str = "utf-8") -> str:
    with io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="") as file:
        Console(file=file, width=width, height=height).print(LiveTable(shown))
        file.flush()
        assert isinstance(file.buffer, io.BytesIO)
        return file.buffer.getvalue().decode(encoding)


def test_everything_is_there_at_80_columns() -> None:
    assert (
        _lines(SWEEP, 80)
        == """\

study     quickstart  Qair [kg kg-1], on the validation split
trials    ━━━━──────────   7/24  ETA    3:23  5 complete, 1 pruned, 1 failed
verdict   promising: trial 5 comes 80% of the way trial 5 comes 80% of the way…
best      trial 5, score 0.1234  sharpener: sorted 1
gradient  ━━━━━━━──├──┤─  2.800  baseline 2.133, target 3.000 to 3.300
peak      ━━━━━━━━━┣──┤─  143.0  baseline 112.0, target 140.0 to 150.0
disk      12.1 GB free  database 1.2 MB

trial  trains                                                              time
       epoch             score  gradient          peak
    7  sorted_gradients 1.83 all, rate 2.00e-03, warm-up 0.05              1:23
       ━━━━╸───  7/12   0.2345  ━━━━━━┣╸┤─ 3.100  ━━────├─┤─ 120.0
    8  plan 5                                                              0:04
       ────────  0/12        -  ──────├─┤─     -  ──────├─┤─     -
    -  idle

"""
    )


def test_a_wide_terminal_has_a_line_for_each_trial() -> None:
    rows = _lines(SWEEP, 150).splitlines()[-4:]
    assert rows[1].split() == [
        *("7", *LONG.split(), "━━━━╸───", "7/12", "0.2345"),
        *("━━━━━━┣╸┤─", "3.100", "━━────├─┤─", "120.0", "1:23"),
    ]
    assert {len(row) for row in rows[:3]} == {len(rows[0])}
    assert rows[0].index("gradient") == rows[1].index("━━━━━━┣")


def test_an_encoding_without_lines_gets_plain_characters() -> None:
    drawn = _lines(SWEEP, 80, encoding="ascii")
    assert "======[=]- 3.100" in drawn
    assert drawn.isascii()


@pytest.mark.parametrize("width", [40, 61, 79, 80, 100, 118, 120, 300])
@pytest.mark.parametrize("height", [10, 14, 24, 60])
@pytest.mark.parametrize("workers", [1, 2, 16])
def test_no_line_is_wider_and_no_table_higher_than_the_terminal(
    width: int, height: int, workers: int
) -> None:
    trials = tuple(TrialAtWork(n, LONG, n, 120, 0.5, 3.1, 120.0, 9e3) for n in range(workers))
    shown = replace(SWEEP, at_work=trials, workers=workers, study="湿度" * 40, units="\x1b[2J[red]")
    lines = _lines(shown, width, height).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= max(height - 1, 12), "the head, a heading and a row are never left out"
    assert not any("\x1b" in line for line in lines)


def test_trials_without_room_are_counted() -> None:
    trials = tuple(TrialAtWork(n, LONG, 1, 12) for n in range(40))
    drawn = _lines(replace(SWEEP, at_work=trials, workers=40), 120, 24)
    shown = sum("sorted" in line for line in drawn.splitlines()) - 1  # the best is one too
    assert f"and {40 - shown} more" in drawn


def test_columns_stay_where_they_are_from_one_moment_to_the_next() -> None:
    later = replace(
        SWEEP,
        done=12,
        at_work=(
            TrialAtWork(9, "x", 12, 12, 0.1, 0.0001, 99.0, 4000.0),
            TrialAtWork(10, LONG * 3, 3, 12, 12.5, 99.0, 1e6, 1.0),
        ),
    )
    before, after = (_lines(shown, 120).splitlines() for shown in (SWEEP, later))
    assert before[9] == after[9], "the headings"
    for row in (10, 11):
        assert before[row].index("/12") == after[row].index("/12")


@pytest.mark.parametrize(
    ("width", "numbers"),
    [
        (64, ["12/12", "123.5", "1.2e+03", "1e+06", "11.1 h"]),
        (80, ["12/12", "123.5", "1.2e+03", "1e+06", "11.1 h"]),
        (150, ["12/12", "123.5", "1.2e+03", "1e+06", "11.1 h"]),
    ],
)
def test_no_number_is_cut_however_large(width: int, numbers: list[str]) -> None:
    diverging = TrialAtWork(7, "x", 12, 12, 123.4567, 1234.5, 1e6, 4e4)
    lines = _lines(replace(SWEEP, at_work=(diverging,), workers=1), width).splitlines()[9:]
    for number in numbers:
        assert any(f" {number}" in line for line in lines), number
    assert not any("…" in line for line in lines)


@pytest.mark.parametrize("width", [64, 150])
def test_the_most_epochs_are_told_apart_from_a_known_end(width: int) -> None:
    finding = TrialAtWork(0, "baseline", 9, 12, finds_length=True)
    drawn = _lines(replace(SWEEP, at_work=(finding, *SWEEP.at_work), workers=3), width)
    assert " 9/<=12 " in drawn
    assert " 7/12 " in drawn


def test_what_is_not_known_yet_is_said_to_be() -> None:
    bare = replace(
        SWEEP, best=None, baseline=None, verdict=None, room=None, eta_s=None, at_work=(), done=0,
        is_run=False,
    )  # fmt: skip
    drawn = _lines(bare, 80)
    assert drawn.count("none yet") == 2
    assert "ETA       -" in drawn
    assert "baseline" not in drawn
    assert "no trial is at work" in drawn


def test_a_full_disk_says_what_it_means() -> None:
    drawn = _lines(replace(SWEEP, room=DiskSpace(12.0, None)), 80)
    assert "12.0 MB free: below 500.0 MB no trial is started" in drawn
    assert "database" not in drawn


def test_a_trial_that_is_only_seen_in_the_database_has_no_column_for_its_forecast() -> None:
    drawn = _lines(replace(SWEEP, sees_forecasts=False), 80)
    assert "7/12   0.2345     1:23" in drawn
    assert len(drawn.splitlines()) == 13


def test_a_long_line_left_behind_is_broken_before_what_was_trained() -> None:
    assert ended_trial_line(3, "score 0.5", "plan 1", 80).plain == "trial   3  score 0.5  plan 1"
    assert (
        ended_trial_line(3, "score 0.5", LONG, 50).plain == f"trial   3  score 0.5\n{'':11}{LONG}"
    )
