"""Pictures as Optuna's artifacts."""

import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.files.artifacts import PICTURES, TrialPicture, picture_of
from fieldsharp.sweep.study.lookup import study_identity
from fieldsharp.sweep.study.trial_records import trial_spec


@pytest.mark.parametrize("picture", list(PICTURES))
def test_an_artifact_says_what_it_is_a_picture_of(picture: str) -> None:
    wanted = TrialPicture("0123456789abcdef", 70_000, "0a1b2c3d4e5f", picture)
    assert picture_of(wanted.artifact_id) == wanted


@pytest.mark.parametrize(
    "uploaded",
    ["7d4b5a52-6b3e-4c0e-9f0e-3f8f3c1f2a77", "", "0123456789abcdef-000001-0a1b2c3d4e5f-ff"],
)
def test_what_was_uploaded_is_no_picture(uploaded: str) -> None:
    assert picture_of(uploaded) is None


def test_optuna_knows_the_pictures_of_every_trial(finished_url: str) -> None:
    storage = open_database(finished_url, "read")
    study = optuna.load_study(study_name="tiny", storage=storage)
    for trial in study.get_trials():
        found = get_all_artifact_meta(trial, storage=study._storage)
        assert [meta.filename for meta in found] == [f"{name}.png" for name in PICTURES]
        assert {meta.mimetype for meta in found} == {"image/png"}
        spec = trial_spec(trial)
        for meta in found:
            picture = picture_of(meta.artifact_id)
            assert picture is not None
            assert picture.identity == study_identity(study)
            assert picture.number == trial.number
            assert spec is not None
            assert spec.fingerprint.startswith(picture.fingerprint)
