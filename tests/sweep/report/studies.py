"""Studies made from the finished one: other names, other trials, with or without their files."""

import copy
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import study_folder
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study, study_identity
from fieldsharp.sweep.study.trial_records import FAILURE, RECORD, SPEC


def trials_of(url: str) -> list[FrozenTrial]:
    """The trials of the finished study."""
    return load_study(open_database(url, "read"), "tiny").get_trials()


def make_study(
    url: str, config: SweepConfig, facts: DataSummary, trials: Sequence[FrozenTrial]
) -> Study:
    """A study of this configuration with these trials, and no files beside it."""
    study = open_or_create_study(open_database(url, "write"), config, facts)
    for number, trial in enumerate(trials):
        if SPEC in trial.user_attrs:
            trial.user_attrs[SPEC] = {**trial.user_attrs[SPEC], "number": number}
        study.add_trial(trial)
    return study


def copy_samples(source: str, url: str, study: Study) -> None:
    """Put what pictures of the finished study are drawn from beside another."""
    there = load_study(open_database(source, "read"), "tiny")
    samples = study_folder(source, study_identity(there)) / "samples"
    StudyWorkspace(url, study_identity(study)).make()
    shutil.copytree(samples, study_folder(url, study_identity(study)) / "samples")


def failed(trial: FrozenTrial, reason: str = "the training diverged") -> FrozenTrial:
    """The same trial, had it failed."""
    attributes = {k: v for k, v in trial.user_attrs.items() if k in ("spec", "preset")}
    return create_trial(
        state=TrialState.FAIL,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={**attributes, FAILURE: reason},
    )


def pruned(trial: FrozenTrial) -> FrozenTrial:
    """The same trial, had it been pruned."""
    return create_trial(
        state=TrialState.PRUNED,
        value=trial.value,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        intermediate_values={0: trial.value or 0.0},
    )


def against_a_guard(trial: FrozenTrial) -> FrozenTrial:
    """The same trial, had it broken the guard ``spike``."""
    attributes: dict[str, Any] = copy.deepcopy(trial.user_attrs)
    for guard in attributes[RECORD]["guards"]:
        if guard["name"] == "spike":
            guard |= {"ok": False, "value": 9.0, "violation": 5.0}
    constraints = {k: v for k, v in trial.system_attrs.items() if k.startswith("constraints")}
    return create_trial(
        value=trial.value,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=attributes,
        system_attrs={**constraints, "constraints:spike": 5.0},
    )


def renamed(config: SweepConfig, facts: DataSummary, name: str) -> tuple[SweepConfig, DataSummary]:
    """The configuration and facts of a study whose name, field and units are this text."""
    return (
        config.model_copy(update={"study": name}),
        facts.model_copy(update={"variable": name, "units": name}),
    )


def moved(config: SweepConfig, path: Path) -> SweepConfig:
    """The configuration with its data file elsewhere."""
    return config.model_copy(update={"data": config.data.model_copy(update={"path": str(path)})})
