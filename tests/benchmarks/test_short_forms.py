"""The benchmarks run, in a short form; no timing is asserted."""

import shutil
from pathlib import Path

import pytest

from benchmarks import epoch_profile, loss_table, many_trials, metric_cost
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status


def test_the_cost_of_metrics_is_a_share(tiny_config: SweepConfig) -> None:
    cost = metric_cost.measure(tiny_config, epochs=2)

    assert cost.share_of_an_epoch > 0
    assert 0 < cost.share_of_a_trial < 1


def test_an_epoch_is_made_of_its_parts(tiny_config: SweepConfig) -> None:
    found = epoch_profile.measure(tiny_config, epochs=2)

    assert [list(epoch) for epoch in found] == [list(epoch_profile.PARTS)] * 2
    assert all(seconds > 0 for epoch in found for seconds in epoch.values())
    assert epoch_profile.table(found).splitlines()[-1].endswith("100.0%")


def test_the_table_of_the_plan_has_a_row_for_each_round(
    tiny_yaml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tiny_yaml), "--rows", "plan", "--seeds", "1"]
    loss_table.main([*arguments, "--set", "training.epochs=1", "--json", str(tmp_path / "t.json")])

    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| baseline | ")
    assert [line.split(" | ")[0][2:] for line in lines[3:]] == [
        "plan 0: weight 0.05, last step",
        "plan 1: weight 0.2, last step",
        "plan 2: weight 0.2, all steps",
        "plan 3: Sobel",
        "plan 3: Laplacian",
    ]
    assert (tmp_path / "t.json").exists()


def test_a_study_is_filled_with_copies_that_can_be_read(finished_url: str, tmp_path: Path) -> None:
    # The whole folder: what was written last is in the log beside the database.
    shutil.copytree(Path(finished_url.removeprefix("sqlite:///")).parent, tmp_path / "copy")
    url = f"sqlite:///{tmp_path / 'copy' / 'x.db'}"
    many_trials.make_many_trials(url, "tiny", trials=24, steps=3)

    study = load_study(open_database(url, "read"), "tiny")
    states = study_status(study, url).states
    assert sum(states.values()) == 24
    assert states["PRUNED"] == 1
    assert [len(t.intermediate_values) for t in study.get_trials()[8:]] == [3] * 16
