"""Each part of the table in its short form; no timing is asserted."""

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
import torch

from benchmarks import overhead, throughput, training_step, worker_memory
from benchmarks.bench import PARTS, load_part
from benchmarks.filled_studies import copy_trials
from benchmarks.measurement import Measurement
from benchmarks.paired_runs import PROC
from benchmarks.plain_training import WindowDataset, sobel_loss
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.losses.forecast_loss import ForecastLoss
from fieldsharp.model.settings import LossSettings


def _are_of(lines: list[Measurement], part: str) -> bool:
    values = [v for line in lines for v in (*line.ours_values, *line.beside_values)]
    return {line.part for line in lines} == {part} and all(v == v for v in values)


@pytest.mark.parametrize("part", PARTS)
def test_the_program_finds_every_part(part: str) -> None:
    assert callable(load_part(part))


def test_the_windows_of_the_plain_script_are_ours(tiny_data: ForecastData) -> None:
    plain = WindowDataset(tiny_data.train)
    pairs = [plain[index] for index in range(len(plain))]
    history_BTCHW, future_BTCHW = tiny_data.train.take(torch.arange(len(tiny_data.train)))

    assert len(plain) == len(tiny_data.train)
    assert torch.equal(torch.stack([history for history, _ in pairs]), history_BTCHW)
    assert torch.equal(torch.stack([future for _, future in pairs]), future_BTCHW)


def test_the_loss_of_the_plain_loop_is_the_one_it_stands_beside(tiny_data: ForecastData) -> None:
    _, target_BTCHW = tiny_data.train.take(torch.arange(3))
    pred_BTCHW = target_BTCHW + torch.randn_like(target_BTCHW)
    climatology_CHW = tiny_data.unit_climatology_CHW
    settings = LossSettings(
        variant="sobel", gradient_weight=1.0, multi_step="all", normalise="none"
    )

    plain = sobel_loss(tiny_data.mask_HW)(pred_BTCHW, target_BTCHW)

    ours = ForecastLoss(settings, climatology_CHW)(pred_BTCHW, target_BTCHW, tiny_data.mask_HW)
    assert plain.item() == pytest.approx(ours.total_B.mean().item(), rel=1e-5)


def test_trials_are_copied_with_all_their_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    study = optuna.create_study(storage=url, study_name="x")
    for number in range(3):
        trial = study.ask()
        trial.suggest_float("a", 0.0, 1.0)
        trial.set_user_attr("spec", {"number": number, "run": "as it was"})
        trial.report(float(number), 0)
        study.tell(trial, float(number))

    copy_trials(str(tmp_path / "x.db"), 7)

    trials = optuna.load_study(study_name="x", storage=url).get_trials()
    assert [t.number for t in trials] == list(range(7))
    assert [t.value for t in trials[3:]] == [2.0, 1.0, 2.0, 1.0]
    assert trials[3].params == trials[2].params
    assert trials[6].user_attrs == {"spec": {"number": 6, "run": "as it was"}}
    assert trials[6].intermediate_values == trials[1].intermediate_values
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.outside
def test_a_step_has_two_lines_for_each_predictor() -> None:
    threads = torch.get_num_threads()

    lines = training_step.measure(short=True)

    assert _are_of(lines, "step")
    assert [line.what.split()[0] for line in lines[::2]] == ["unet", "simvp", "convlstm"]
    assert [line.aim for line in lines] == [None, 0.6, None, None, None, None]
    assert torch.get_num_threads() == threads


@pytest.mark.outside
def test_both_programs_train_the_same_number_of_trials(tiny_yaml: Path) -> None:
    lines = throughput.measure(short=True, config=tiny_yaml)

    assert _are_of(lines, "throughput")
    at_work, whole = lines
    assert (at_work.better, at_work.aim, whole.aim) == ("more", 1.6, 1.45)
    for line in lines:
        assert len(line.ours_values) == len(line.beside_values) == 1


@pytest.mark.outside
@pytest.mark.skipif(not PROC.is_dir(), reason="the memory of processes is read from /proc")
def test_the_memory_of_a_sweep_is_that_of_all_its_processes(tiny_yaml: Path) -> None:
    worker, whole = worker_memory.measure(short=True, config=tiny_yaml)

    assert _are_of([worker, whole], "memory")
    # Two workers and a coordinator; a worker's figure has what it shares with the others.
    assert 50 < worker.ours_values[0] < whole.ours_values[0]
    assert 50 < whole.beside_values[0] < 1.2 * worker.beside_values[0]  # a single process


@pytest.mark.outside
def test_overhead_is_told_by_length_and_by_trials(tiny_yaml: Path) -> None:
    lines = overhead.measure(short=True, config=tiny_yaml)

    assert _are_of(lines, "overhead")
    expected = ["beside a trial of 0.1 s", "a worker's time, trials of 0.1 s"]
    for sampler in ("tpe", "random"):
        expected += [f"a trial among {filled}, {sampler}" for filled in (6, 12)]
        expected += [
            f"growth from 6 to 12, {sampler}: {name}"
            for name in ("sweep, 2 workers", "plain Optuna, SQLite")
        ]
    assert [line.what for line in lines] == expected
    assert {len(line.ours_values) for line in lines} == {1}  # turns
    # Two workers: of the four trials of a turn two have one before them.
    assert [len(turn) for turn in lines[0].details["each_ms"]] == [2]
