"""Trials that were not trained to their end: which are exported, and what their export holds."""

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.results.export import choose_trial, export_tree, render, standing, write
from fieldsharp.sweep.results.train_run import train_into
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import FAILURE, PAUSED, RECORD, SPEC
from tests.sweep.report.studies import make_study, trials_of


def _ended_early(trial: FrozenTrial, state: TrialState, **attributes: Any) -> FrozenTrial:
    """The same trial, had it been ended or paused after the first of its two epochs."""
    kept = {**copy.deepcopy(trial.user_attrs), **attributes}
    if kept[RECORD] is not None:
        kept[RECORD]["epochs"] = 1
    return create_trial(
        state=state,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={name: value for name, value in kept.items() if value is not None},
        intermediate_values={0: 0.5},
    )


@pytest.fixture
def own_trials(finished_url: str) -> list[FrozenTrial]:
    return trials_of(finished_url)


@pytest.fixture
def study_of(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> Any:
    def make(trials: Sequence[FrozenTrial]) -> Study:
        return make_study(storage_url, tiny_config, tiny_facts, trials)

    return make


@pytest.mark.parametrize(
    ("state", "more", "name"),
    [
        (TrialState.PRUNED, {}, "PRUNED"),
        (TrialState.WAITING, {PAUSED: 1}, "PAUSED"),
        (TrialState.WAITING, {}, "WAITING"),
        (TrialState.RUNNING, {}, "RUNNING"),
    ],
)
def test_a_trial_that_was_given_up_or_paused_is_exported_without_metrics_to_compare_with(
    own_trials: list[FrozenTrial],
    study_of: Any,
    storage_url: str,
    tmp_path: Path,
    state: TrialState,
    more: dict[str, Any],
    name: str,
) -> None:
    early = _ended_early(own_trials[3], state, **more)
    study = study_of([own_trials[0], early])
    tree = export_tree(study, choose_trial(study, 1, storage_url))
    about = tree["exported"]
    assert (about["state"], about["epochs"]) == (name, 1)
    assert about["score"] == early.user_attrs[RECORD]["score"]
    assert tree["metrics"] == {}
    assert about["early_metrics"]["rmse"] == early.user_attrs["rmse"]
    assert f", {name.lower()} after epoch 1" in standing(about)
    assert yaml.safe_load(render(tree, "yaml")) == tree
    constants: dict[str, Any] = {}
    exec(render(tree, "py"), constants)  # noqa: S102 - our own text
    assert constants["METRICS"] == {}
    assert constants["EXPORTED"] == about

    write(render(tree, "json"), tmp_path / "early.json")
    file = load_config(tmp_path / "early.json")
    assert not file.metrics
    assert file.config.training.epochs == 2
    assert file.config.loss.model_dump() == early.user_attrs[SPEC]["run"]["loss"]


def test_a_pruned_trial_is_trained_to_its_end_from_its_export(
    own_trials: list[FrozenTrial], study_of: Any, storage_url: str, tmp_path: Path
) -> None:
    study = study_of([own_trials[0], _ended_early(own_trials[3], TrialState.PRUNED)])
    tree = export_tree(study, choose_trial(study, 1, storage_url))
    write(render(tree, "yaml"), tmp_path / "pruned.yaml")
    outcome = train_into(load_config(tmp_path / "pruned.yaml"), tmp_path / "run")
    assert outcome.metrics["rmse"] == pytest.approx(own_trials[3].user_attrs["rmse"], rel=1e-5)
    assert (outcome.largest_difference, outcome.largest_difference_of) == (None, None)


def test_an_export_of_a_complete_trial_is_as_it_was(
    own_trials: list[FrozenTrial], study_of: Any, storage_url: str
) -> None:
    study = study_of(own_trials[:2])
    tree = export_tree(study, choose_trial(study, 1, storage_url))
    assert not {"state", "epochs", "early_metrics"} & tree["exported"].keys()
    assert tree["metrics"]["rmse"] == own_trials[1].user_attrs["rmse"]
    assert "after epoch" not in standing(tree["exported"])


def test_a_pruned_trial_without_numbers_is_exported_with_its_configuration(
    own_trials: list[FrozenTrial], study_of: Any, storage_url: str
) -> None:
    bare = _ended_early(own_trials[3], TrialState.PRUNED, **{RECORD: None})
    study = study_of([own_trials[0], bare])
    tree = export_tree(study, choose_trial(study, 1, storage_url))
    assert tree["loss"]["variant"] == "gradient"
    assert (tree["metrics"], tree["exported"]["score"]) == ({}, None)
    assert standing(tree["exported"]) == "no score, pruned"
    assert "no score, pruned" in render(tree, "yaml")
    assert "no score, pruned" in render(tree, "py")


@pytest.mark.parametrize(
    ("state", "more", "said"),
    [
        (
            TrialState.FAIL,
            {FAILURE: "the training diverged; lower the rate"},
            "trial 1 failed (the training diverged), so its configuration would most likely fail "
            "again",
        ),
        (TrialState.RUNNING, {RECORD: None}, "trial 1 is RUNNING and has no numbers yet"),
        (TrialState.WAITING, {RECORD: None}, "trial 1 is WAITING and has no numbers yet"),
        (
            TrialState.PRUNED,
            {SPEC: None},
            "trial 1 is PRUNED and was not configured by this program",
        ),
    ],
)
def test_others_are_refused_and_the_one_that_is_advised_is_exported(
    own_trials: list[FrozenTrial],
    study_of: Any,
    storage_url: str,
    state: TrialState,
    more: dict[str, Any],
    said: str,
) -> None:
    refused = _ended_early(own_trials[3], state, **more)
    study = study_of([own_trials[0], refused])
    advice = "export one that is complete, pruned or paused, such as --trial 0"
    with pytest.raises(StudyError, match=f"^{re.escape(f'{said}; {advice}')}$"):
        choose_trial(study, 1, storage_url)
    assert choose_trial(study, 0, storage_url).number == 0


def test_where_nothing_is_complete_a_pruned_trial_is_advised(
    own_trials: list[FrozenTrial], study_of: Any, storage_url: str
) -> None:
    study = study_of([_ended_early(own_trials[3], TrialState.FAIL)])
    with pytest.raises(StudyError, match="no complete trial yet; wait for a complete trial and"):
        choose_trial(study, None, storage_url)
    study.add_trial(
        _ended_early(
            own_trials[3],
            TrialState.PRUNED,
            **{SPEC: {**own_trials[3].user_attrs[SPEC], "number": 1}},
        )
    )
    with pytest.raises(StudyError, match=r"no complete trial yet; export .* such as --trial 1$"):
        choose_trial(study, None, storage_url)
    assert choose_trial(study, 1, storage_url).number == 1
