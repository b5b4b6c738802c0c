"""The adapter's keys and ids are those that Optuna itself writes, and its view is a study."""

from collections.abc import Container
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.storage.optuna_adapter.internals import (
    FilteredStudy,
    artifact_attribute,
    artifact_description,
    constraint_attribute,
    id_of_study,
    id_of_trial,
    is_constraint_attribute,
    non_domination_ranks,
)


@pytest.fixture
def study() -> Study:
    return optuna.create_study(study_name="s")


def test_a_constraint_has_the_key_that_optuna_gives_it(study: Study) -> None:
    trial = study.ask()
    trial.set_constraint("guard", 0.5)
    (stored,) = study.trials
    assert stored.system_attrs == {constraint_attribute("guard"): 0.5}
    assert is_constraint_attribute(constraint_attribute("guard"))
    assert not is_constraint_attribute("fixed_params")


@pytest.mark.filterwarnings(f"ignore::{ExperimentalWarning.__module__}.ExperimentalWarning")
def test_an_artifact_is_described_as_optuna_describes_an_upload(
    study: Study, tmp_path: Path
) -> None:
    picture = tmp_path / "spectra.png"
    picture.write_bytes(b"x")
    trial = study.ask()
    number = upload_artifact(
        artifact_store=FileSystemArtifactStore(tmp_path),
        file_path=str(picture),
        study_or_trial=trial,
    )
    (stored,) = study.trials
    description = artifact_description(number, "spectra.png", "image/png")
    assert stored.system_attrs == {artifact_attribute(number): description}


def test_ids_are_those_of_the_storage(study: Study) -> None:
    trial = study.ask()
    (stored,) = study.trials
    assert id_of_trial(trial) == id_of_trial(stored)
    (frozen,) = study._storage.get_all_studies()
    assert id_of_study(study) == id_of_study(frozen)


def test_points_are_ranked_front_by_front() -> None:
    values_NV = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    assert non_domination_ranks(values_NV).tolist() == [0, 0, 1, 2]


class _FinishedOnly(FilteredStudy):
    def visible_trials(
        self, stored: list[FrozenTrial], states: Container[TrialState] | None
    ) -> list[FrozenTrial]:
        return [
            t for t in stored if t.state.is_finished() and (states is None or t.state in states)
        ]


def test_a_filtered_study_shows_its_own_trials_and_is_else_the_study(study: Study) -> None:
    study.tell(study.ask(), 1.0)
    study.ask()
    view = _FinishedOnly(study)
    assert [trial.number for trial in view.get_trials(deepcopy=False)] == [0]
    assert view.get_trials(states=(TrialState.RUNNING,)) == []
    assert len(study.get_trials()) == 2
    assert (view.study_name, view.directions) == (study.study_name, study.directions)
    assert view.best_trial.number == 0
