"""Telling a person how far a sweep is."""

import io
import logging
from dataclasses import replace

import pytest
from rich.console import Console

from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import Score
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.maintenance.inspect import DiskSpace
from fieldsharp.sweep.commands.sweep_run import make_progress
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.monitoring import live_progress, progress
from fieldsharp.sweep.monitoring.live_progress import LiveProgress, OpenedSweep
from fieldsharp.sweep.monitoring.progress import LogProgress, SilentProgress
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot
from fieldsharp.sweep.study.status.state import ScoredTrial
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

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
        epoch,
        EpochLosses(epoch, 0.1, 0.1, 0.0, 0.0),
        MetricValues(overall=metrics, by_lead={}),
        1.0,
    )


def _score(total: float) -> Score:
    return Score(total, total, 0.0, 0.0)


def _record(score: float) -> TrialRecord:
    return TrialRecord(
        judgement=_report().judgement,
        score=score,
        score_parts={},
        guards=[],
        baseline_rmse=9.0,
        epochs=1,
        seconds=1.0,
        peak_memory_mb=0.0,
        device="",
        precision="",
    )


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


NOTHING_YET = SweepSnapshot(
    study="s",
    variable="t",
    units="K",
    targets=TARGETS,
    budget=4,
    done=0,
    states={},
    verdict=None,
    best=None,
    baseline=None,
    at_work=(),
    workers=1,
    eta_s=None,
    room=None,
    floor_mb=500,
    is_run=True,
    note="",
)


def _opened(units: str = "K") -> OpenedSweep:
    shown = replace(NOTHING_YET, units=units)
    return OpenedSweep("s", TARGETS, units, lambda: shown, lambda: DiskSpace(2048.0, 1.0))


def test_the_kind_fits_where_the_output_goes(terminal: Console) -> None:
    plain = Console(file=io.StringIO())
    assert type(make_progress(_opened(), terminal, quiet=False)) is LiveProgress
    assert type(make_progress(_opened(), plain, quiet=False)) is LogProgress
    assert type(make_progress(_opened(), terminal, quiet=True)) is SilentProgress


def test_the_line_has_counts_best_targets_and_time_left(
    tiny_config: SweepConfig, clock: Clock
) -> None:
    told = SilentProgress("s", TARGETS, "ug m-3")
    told.begin(2, 12, ScoredTrial(1, "baseline", 0.8, 2.2, 110.0, 9.0, 0.8))
    assert told.line() == (
        "trials 2/12 | best 0.8000 (trial 1) | gradient 2.2 of 3 | peak 110 of 140 ug m-3 | ETA -"
    )
    clock.now = 60.0
    told.completed(_spec(tiny_config, 2), _record(0.5))
    told.pruned(_spec(tiny_config, 3), _record(9.0))
    # Two trials in 60 s; the two that were there at the start say nothing about the pace.
    assert told.line() == (
        "trials 4/12 | best 0.5000 (trial 2) | gradient 2.5 of 3 | peak 120 of 140 ug m-3 | "
        "ETA 4:00"
    )


def test_a_worse_or_pruned_trial_is_not_the_best(tiny_config: SweepConfig) -> None:
    told = SilentProgress("s", TARGETS, "")
    told.begin(0, 4, None)
    told.pruned(_spec(tiny_config, 0), _record(0.0))
    assert told.best is None
    told.completed(_spec(tiny_config, 1), _record(0.5))
    told.completed(_spec(tiny_config, 2), _record(0.6))
    assert told.best is not None
    assert told.best.number == 1
    assert told.finished == 3


def test_of_several_variables_equal_scores_are_told_apart_by_all(tiny_config: SweepConfig) -> None:
    def record(rmse: float, of_other: float) -> TrialRecord:
        first, other = (
            MetricValues(
                overall={"gradient": 2.5, "peak": 120.0, "rmse": one, "rmse_climatology": 10.0},
                by_lead={},
            )
            for one in (rmse, of_other)
        )
        judgement = first.model_copy(update={"others": {"u10": other}})
        return _record(0.5).model_copy(update={"judgement": judgement})

    told = SilentProgress("s", TARGETS, "")
    told.begin(0, 4, None)
    told.completed(_spec(tiny_config, 1), record(8.0, 9.0))
    told.completed(_spec(tiny_config, 2), record(8.5, 5.0))
    assert told.best is not None
    assert told.best.number == 2


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
    told.completed(_spec(tiny_config, 0, "baseline"), _record(0.5))
    told.started(_spec(tiny_config, 1))
    told.paused(_spec(tiny_config, 1), _record(0.7))
    told.pruned(_spec(tiny_config, 1), _record(0.7))
    told.failed(_spec(tiny_config, 2), "it broke")
    told.end()
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:2] == ["s1: 0 of 3 trials done", "s1 trial 0: started, baseline"]
    assert lines[2].startswith(
        "s1 trial 0: complete, score 0.5000, gradient 2.5, peak 120, rmse 9 | trials 1/3 | best"
    )
    assert lines[3] == "s1 trial 1: started, none 0 last, rate 3.00e-03, warm-up 0.05"
    assert lines[4].startswith("s1 trial 1: paused after epoch 1, score 0.7000")
    assert lines[5].startswith("s1 trial 1: pruned after epoch 1, score 0.7000")
    assert lines[6] == "s1 trial 2: failed, it broke"
    assert len(lines) == 7
    assert not any("\x1b" in line for line in lines)


def test_a_quiet_sweep_says_failures_only(
    tiny_config: SweepConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told = SilentProgress("s1", TARGETS, "K")
    told.begin(0, 2, None)
    told.started(_spec(tiny_config, 0))
    told.completed(_spec(tiny_config, 0), _record(0.5))
    told.failed(_spec(tiny_config, 1), "it broke")
    assert [record.getMessage() for record in caplog.records] == ["s1 trial 1: failed, it broke"]


def _drawn(told: LiveProgress) -> str:
    console = Console(file=io.StringIO(), width=120, height=30)
    console.print(told._render())
    return _text(console)


def test_on_a_terminal_a_table_is_redrawn_and_finished_trials_stay(
    tiny_config: SweepConfig, terminal: Console
) -> None:
    told = LiveProgress(_opened(), terminal)
    told.begin(0, 2, None)
    baseline, other = _spec(tiny_config, 0, "baseline"), _spec(tiny_config, 1, "plan 1")
    told.started(baseline)
    told.started(other)
    told.epoch(baseline, _report(0), _score(0.9))
    drawn = _drawn(told)
    assert "0/2" in drawn
    assert drawn.index("baseline") < drawn.index("plan 1")
    assert "0.9000" in drawn
    assert "1/2" in drawn, "epochs"
    assert "2.0 GB free" in drawn
    told.completed(baseline, _record(0.5))
    told.concluded(Verdict(name="too early", reason="so far so good", next="wait"))
    told.put_back(1)
    drawn = _drawn(told)
    assert "1 complete" in drawn
    assert "trial 0, score 0.5000  baseline" in drawn
    assert "too early: so far so good" in drawn
    assert "plan 1" not in drawn
    assert "idle" in drawn
    told.end()
    text = _text(terminal)
    assert "trial   0  score 0.5000, gradient 2.5, peak 120, rmse 9  baseline" in text
    assert "\x1b[?25h" in text  # the cursor is shown again


def test_a_trial_that_was_lost_is_shown_again_with_its_time_from_then(
    tiny_config: SweepConfig, terminal: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(live_progress, "time", clock)
    told = LiveProgress(_opened(), terminal)
    told.begin(0, 2, None)
    told.started(_spec(tiny_config, 0))
    clock.now = 90.0
    assert "1:30" in _drawn(told)
    told.put_back(0)
    told.started(_spec(tiny_config, 0))
    clock.now = 95.0
    assert "0:05" in _drawn(told)
    told.end()


def test_on_a_terminal_markup_and_escapes_in_names_are_shown_as_they_are(
    tiny_config: SweepConfig, terminal: Console
) -> None:
    told = LiveProgress(_opened(units="[red]K\x1b[2J"), terminal)
    told.begin(0, 2, None)
    told.completed(_spec(tiny_config, 0, "[bold]x\x1b[2J"), _record(0.5))
    told.end()
    assert "[bold]x\\x1b[2J" in _text(terminal)
    assert "\x1b[2J" not in _text(terminal)
    assert "[red]K\\x1b[2J" in _drawn(told)
