"""Telling a person how far a sweep is."""

import io
import logging
import re

import pytest
from rich.console import Console

from model.training import EpochLosses
from objectives.judgement import Judgement
from objectives.score import Score
from objectives.targets import Band, Targets
from sweep.configuration.settings import SweepConfig
from sweep.running import progress
from sweep.running.epoch_report import EpochReport
from sweep.running.progress import LiveProgress, LogProgress, SilentProgress, make_progress
from sweep.study.records import BestTrial
from sweep.study.trial_spec import TrialSpec

TARGETS = Targets(gradient=Band(3.0, 3.3), peak=Band(140.0, 150.0, offset=40.0))


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=200)


def _spec(config: SweepConfig, number: int, preset: str | None = None) -> TrialSpec:
    return TrialSpec(number=number, preset=preset, run=config.run)


def _report(epoch: int = 1, gradient: float = 2.5) -> EpochReport:
    metrics = {"gradient": gradient, "peak": 120.0, "rmse": 9.0}
    return EpochReport(
        epoch, EpochLosses(epoch, 0.1, 0.1, 0.0, 0.0), Judgement(overall=metrics, by_lead={}), 1.0
    )


def _score(total: float) -> Score:
    return Score(total, total, 0.0, 0.0)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_kind_fits_where_the_output_goes(terminal: Console) -> None:
    plain = Console(file=io.StringIO())
    assert type(make_progress("s", TARGETS, "K", quiet=False, console=terminal)) is LiveProgress
    assert type(make_progress("s", TARGETS, "K", quiet=False, console=plain)) is LogProgress
    assert type(make_progress("s", TARGETS, "K", quiet=True, console=terminal)) is SilentProgress


def test_the_line_has_counts_best_targets_and_time_left(
    tiny_config: SweepConfig, clock: Clock
) -> None:
    told = SilentProgress("s", TARGETS, "ug m-3")
    told.begin(2, 12, BestTrial(1, 0.8, 2.2, 110.0))
    assert told.line() == (
        "trials 2/12 | best 0.8000 (trial 1) | gradient 2.2 of 3 | peak 110 of 140 ug m-3 | ETA -"
    )
    clock.now = 60.0
    told.completed(_spec(tiny_config, 2), _report(), _score(0.5), [])
    told.pruned(_spec(tiny_config, 3), _report(), _score(9.0))
    # Two trials in 60 s; the two that were there at the start say nothing about the pace.
    assert told.line() == (
        "trials 4/12 | best 0.5000 (trial 2) | gradient 2.5 of 3 | peak 120 of 140 ug m-3 | "
        "ETA 4:00"
    )


def test_a_worse_or_pruned_trial_is_not_the_best(tiny_config: SweepConfig) -> None:
    told = SilentProgress("s", TARGETS, "")
    told.begin(0, 4, None)
    told.pruned(_spec(tiny_config, 0), _report(), _score(0.0))
    assert told.best is None
    told.completed(_spec(tiny_config, 1), _report(), _score(0.5), [])
    told.completed(_spec(tiny_config, 2), _report(), _score(0.6), [])
    assert told.best is not None
    assert told.best.number == 1
    assert told.finished == 3


def test_hours_are_shown_as_hours(tiny_config: SweepConfig, clock: Clock) -> None:
    told = SilentProgress("s", TARGETS, "")
    told.begin(0, 3, None)
    clock.now = 1900.0
    told.failed(_spec(tiny_config, 0), "x")
    assert told.line().endswith("ETA 1:03:20")


def test_off_a_terminal_every_trial_is_a_plain_line(
    tiny_config: SweepConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told = LogProgress("s1", TARGETS, "K")
    told.begin(0, 3, None)
    told.started(_spec(tiny_config, 0, "baseline"))
    told.epoch(_spec(tiny_config, 0, "baseline"), _report(0), _score(0.9))
    told.completed(_spec(tiny_config, 0, "baseline"), _report(), _score(0.5), [])
    told.started(_spec(tiny_config, 1))
    told.pruned(_spec(tiny_config, 1), _report(0), _score(0.7))
    told.failed(_spec(tiny_config, 2), "it broke")
    told.end()
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:2] == ["s1: 0 of 3 trials done", "s1 trial 0: started, baseline"]
    assert lines[2].startswith(
        "s1 trial 0: complete, score 0.5000, gradient 2.5, peak 120, rmse 9 | trials 1/3 | best"
    )
    assert lines[3] == "s1 trial 1: started, none 0 last, rate 3.00e-03, warm-up 0.05"
    assert lines[4].startswith("s1 trial 1: pruned after epoch 1, score 0.7000")
    assert lines[5] == "s1 trial 2: failed, it broke"
    assert len(lines) == 6
    assert not any("\x1b" in line for line in lines)


def test_a_quiet_sweep_says_failures_only(
    tiny_config: SweepConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told = SilentProgress("s1", TARGETS, "K")
    told.begin(0, 2, None)
    told.started(_spec(tiny_config, 0))
    told.completed(_spec(tiny_config, 0), _report(), _score(0.5), [])
    told.failed(_spec(tiny_config, 1), "it broke")
    assert [record.getMessage() for record in caplog.records] == ["s1 trial 1: failed, it broke"]


def test_on_a_terminal_one_line_is_redrawn_and_finished_trials_stay(
    tiny_config: SweepConfig, terminal: Console
) -> None:
    told = LiveProgress("s", TARGETS, "K", terminal)
    told.begin(0, 2, None)
    told.started(_spec(tiny_config, 0, "baseline"))
    told.epoch(_spec(tiny_config, 0, "baseline"), _report(0), _score(0.9))
    assert re.fullmatch(r"trials 0/2 \| ETA - \| .*\b0\b.* 1/2", told._render().plain)
    told.completed(_spec(tiny_config, 0, "baseline"), _report(), _score(0.5), [])
    assert "1/2 |" in told._render().plain
    assert not told._render().plain.endswith("1/2")
    told.end()
    text = _text(terminal)
    assert "trial   0  score 0.5000, gradient 2.5, peak 120, rmse 9  baseline" in text
    assert "\x1b[?25h" in text  # the cursor is shown again


def test_on_a_terminal_markup_in_names_is_left_alone(
    tiny_config: SweepConfig, terminal: Console
) -> None:
    told = LiveProgress("s", TARGETS, "[red]K", terminal)
    told.begin(0, 2, None)
    told.completed(_spec(tiny_config, 0, "[bold]x"), _report(), _score(0.5), [])
    told.end()
    assert "[bold]x" in _text(terminal)
    assert "[red]K" in told._render().plain
