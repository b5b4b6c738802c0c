"""Exports: complete, loadable, and trained again to the same numbers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.study import Study

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.core.printable import printable
from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.results.export import (
    Format,
    choose_trial,
    export_tree,
    render,
    standing,
    write,
)
from fieldsharp.sweep.results.train_run import train_into
from fieldsharp.sweep.study.confirmation.over_seeds import ConfirmedTrial, Spread
from fieldsharp.sweep.study.confirmation.records import Confirmation, write_confirmation
from fieldsharp.sweep.study.data_summary import BandSummary
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import best_trial


@pytest.fixture
def study(finished_url: str) -> Study:
    return load_study(open_database(finished_url, "read"), "tiny")


def _tree(study: Study, number: int | None, url: str) -> dict[str, Any]:
    return export_tree(study, choose_trial(study, number, url))


def test_the_best_trial_is_chosen_where_none_is_named(study: Study, finished_url: str) -> None:
    feasible = [
        trial
        for trial in study.get_trials()
        if all(value <= 0 for value in trial.constraints.values())
    ]
    limit = min(trial.value or 0.0 for trial in feasible) + 0.001
    tied = [trial for trial in feasible if (trial.value or 0.0) <= limit]
    best = min(tied, key=lambda trial: float(trial.user_attrs["rmse"]))
    assert choose_trial(study, None, finished_url).number == best.number
    assert choose_trial(study, 2, finished_url).number == 2


@pytest.mark.parametrize("number", [8, -1])
def test_a_trial_that_does_not_exist_is_refused(
    study: Study, finished_url: str, number: int
) -> None:
    with pytest.raises(StudyError, match=f"no trial {number}: it has 8 trials, numbered from 0"):
        choose_trial(study, number, finished_url)


def test_every_setting_and_origin_is_in_an_export(
    study: Study, finished_url: str, tiny_yaml: Path
) -> None:
    tree = _tree(study, 3, finished_url)
    written = load_config(tiny_yaml).config.model_dump(mode="json")
    assert set(tree) == {*written, "metrics", "exported"}
    for section, settings in written.items():
        if isinstance(settings, dict):
            assert set(tree[section]) == set(settings)
    assert tree["loss"] == {
        "base": "mse",
        "variant": "gradient",
        "gradient_weight": 0.2,
        "multi_step": "all",
        "normalise": "none",
        "peak_variant": "extremes",
        "peak_weight": 0.0,
    }
    about = tree["exported"]
    assert (about["study"], about["trial"], about["seed"]) == ("tiny", 3, 0)
    assert about["versions"]["torch"]
    assert len(about["data_sha256"]) == 64
    assert about["git_commit"]
    assert tree["metrics"]["rmse"] == study.get_trials()[3].user_attrs["rmse"]


def test_the_baseline_is_exported_as_it_was_trained(study: Study, finished_url: str) -> None:
    tree = _tree(study, 0, finished_url)
    assert (tree["loss"]["variant"], tree["loss"]["gradient_weight"]) == ("none", 0.0)
    assert tree["exported"]["params"]["gradient_weight"] == 0.0


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_an_export_is_trained_again_to_the_same_metrics(
    study: Study, finished_url: str, tmp_path: Path, form: Format
) -> None:
    tree = _tree(study, None, finished_url)
    path = tmp_path / f"best.{form}"
    write(render(tree, form), path)
    file = load_config(path)
    outcome = train_into(file, tmp_path / "run")
    for name, value in tree["metrics"].items():
        assert outcome.metrics[name] == pytest.approx(value, rel=1e-5), name
    assert outcome.largest_difference is not None
    assert outcome.largest_difference <= 1e-5
    written = json.loads((tmp_path / "run/metrics.json").read_text())
    assert written == dict(outcome.metrics)


def test_yaml_and_json_hold_the_same(study: Study, finished_url: str) -> None:
    tree = _tree(study, None, finished_url)
    assert yaml.safe_load(render(tree, "yaml")) == json.loads(render(tree, "json")) == tree


def test_the_python_export_is_a_module_of_constants(study: Study, finished_url: str) -> None:
    tree = _tree(study, 4, finished_url)
    constants: dict[str, Any] = {}
    exec(render(tree, "py"), constants)  # noqa: S102 - our own text
    assert constants["GRADIENT_LOSS_WEIGHT"] == 0.2
    assert constants["LOSS_VARIANT"] == "sobel"
    assert constants["MULTI_STEP"] == "all"
    assert constants["LEARNING_RATE"] == 3e-3
    assert constants["WARMUP_FRACTION"] == 0.05
    assert constants["HIDDEN_WIDTH"] == 4
    assert constants["DATA_PATH"] == tree["data"]["path"]
    assert constants["METRICS"] == tree["metrics"]
    assert constants["EXPORTED"] == tree["exported"]
    for section in ("loss", "training", "predictor", "data"):
        for value in tree[section].values():
            assert value in constants.values()


def test_an_export_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*; choose another place with -o"):
        write("text", tmp_path / "missing" / "best.yaml")


@pytest.fixture
def own_url(finished_url: str, tmp_path: Path) -> str:
    copy_database(finished_url, tmp_path / "x.db")
    return f"sqlite:///{tmp_path / 'x.db'}"


def _confirm(url: str, winner: int | None) -> Study:
    """Keep that the study was confirmed after its 8 trials."""
    study = load_study(open_database(url, "write"), "tiny")
    band = BandSummary(low=1.0, high=2.0, offset=0.0)
    figure = Spread(mean=0.2, error=None)
    trials = [
        ConfirmedTrial(
            trial=number,
            configuration="gradient 0.2 all",
            score=figure,
            held_score=figure,
            gradient=figure,
            peak=figure,
            rmse=figure,
            rmse_over_baseline=1.1,
            below_baseline=figure,
            feasible=0 if winner is None else 1,
            outcomes=[],
        )
        for number in dict.fromkeys((0, winner or 0))
    ]
    confirmation = Confirmation(
        winner=winner,
        sentence="as it was",
        baseline=0,
        seeds=[1001],
        finished_trials=8,
        gradient=band,
        peak=band,
        trials=trials,
    )
    write_confirmation(study, url, confirmation)
    return load_study(open_database(url, "write"), "tiny")


def _best(study: Study) -> int:
    best = best_trial(study.get_trials())
    assert best is not None
    return best.number


def test_the_confirmed_winner_is_preferred_and_newer_trials_are_told(
    study: Study, own_url: str
) -> None:
    best = _best(study)
    winner = 1 if best != 1 else 2
    study = _confirm(own_url, winner)
    about = _tree(study, None, own_url)["exported"]
    assert (about["trial"], about["confirmed"]["newer_trials"]) == (winner, 0)
    assert about["confirmed"]["on_test_split"]["held_score"] == {"mean": 0.2, "error": None}
    assert ", the confirmed winner on new seeds and the test split" in standing(about)
    assert about["verdict"]["name"] == "not confirmed", "its gradient is short of the target"
    assert "but the verdict is not confirmed: do not use it" in standing(about)
    baseline = standing({**about, "preset": "baseline"})
    assert baseline.endswith(
        "since nothing that was trained against blur held: the verdict is not confirmed"
    )
    assert "newer" not in standing(about)

    study.add_trial(study.get_trials()[best])
    about = _tree(study, None, own_url)["exported"]
    assert (about["trial"], about["confirmed"]["newer_trials"]) == (winner, 1)
    assert "the test split, 1 trial is newer than the confirmation" in standing(about)

    study.add_trial(study.get_trials()[best])
    study.ask()  # it runs, and is not counted
    tree = _tree(study, None, own_url)
    said = "the confirmed winner on new seeds and the test split, 2 trials are newer than the"
    assert said in standing(tree["exported"])
    assert said in render(tree, "yaml").splitlines()[0]
    other = _tree(study, best, own_url)["exported"]
    said = f"not trial {winner}, the confirmed winner, 2 trials are newer than the confirmation"
    assert said in standing(other)


def test_without_a_confirmed_winner_the_best_of_the_search_is_exported_and_it_is_told(
    own_url: str,
) -> None:
    study = _confirm(own_url, winner=None)
    about = _tree(study, None, own_url)["exported"]
    assert about["trial"] == _best(study)
    assert (about["confirmed"]["winner"], about["confirmed"]["is_winner"]) == (None, False)
    assert ", the confirmation found no winner" in standing(about)
    assert "newer" not in standing(about)
    study.add_trial(study.get_trials()[3])
    about = _tree(study, None, own_url)["exported"]
    assert ", the confirmation found no winner, 1 trial is newer than" in standing(about)


def test_what_was_not_confirmed_says_nothing_of_it(study: Study, finished_url: str) -> None:
    about = _tree(study, None, finished_url)["exported"]
    assert about["confirmed"] is None
    assert "confirm" not in standing(about)


@pytest.mark.parametrize(
    "name",
    [
        'x"""; import os; os.environ["FORGED"] = "1"; """',
        "x\nplugins: [forged]\n",
        "x\rplugins: [forged]",
        "back\\",
        "\x1b[31m",
        "line\u2028break",
    ],
)
def test_a_name_of_a_study_ends_neither_comment_nor_docstring(
    study: Study, finished_url: str, name: str
) -> None:
    tree = _tree(study, 4, finished_url)
    tree["exported"]["study"] = name
    constants: dict[str, Any] = {}
    exec(render(tree, "py"), constants)  # noqa: S102 - our own text
    assert constants["EXPORTED"]["study"] == name
    assert "FORGED" not in os.environ
    text = render(tree, "yaml")
    assert yaml.safe_load(text) == tree
    assert text.splitlines()[1].startswith("data:")
    assert "\x1b" not in text
    assert json.loads(render(tree, "json")) == tree


def test_a_file_that_the_user_names_may_be_a_link_or_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "best.yaml").symlink_to(tmp_path / "real.yaml")
    write("text\n", tmp_path / "best.yaml")
    assert (tmp_path / "real.yaml").read_text() == "text\n"
    reading, writing = os.pipe()
    write("text\n", Path(f"/dev/fd/{writing}"))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "text\n"


def test_no_export_holds_a_control_character(study: Study, finished_url: str) -> None:
    tree = _tree(study, 4, finished_url)
    name = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0)))) + "\u202e\u2066\u2028 \u6c34"
    tree["exported"] = {**tree["exported"], "units": name, name: [name]}
    forms: tuple[Format, ...] = ("yaml", "json", "py")
    for form in forms:
        text = render(tree, form)
        assert printable(text, keep="\n") == text
    assert json.loads(render(tree, "json")) == yaml.safe_load(render(tree, "yaml")) == tree
    assert "\u6c34" in render(tree, "json")
    assert "\u6c34" in render(tree, "yaml")
