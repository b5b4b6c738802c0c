"""Pictures as Optuna's artifacts."""

import json

import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.files.artifacts import (
    PICTURES,
    TrialPicture,
    artifact_attributes,
    picture_of,
    pictures_of,
)
from fieldsharp.sweep.study.lookup import study_identity
from fieldsharp.sweep.study.trial_records import trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.sweep.members_study import MembersStudy


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
        of_one = [name for name, kind in PICTURES.items() if not kind.of_members]
        assert [meta.filename for meta in found] == [f"{name}.png" for name in of_one]
        assert {meta.mimetype for meta in found} == {"image/png"}
        spec = trial_spec(trial)
        for meta in found:
            picture = picture_of(meta.artifact_id)
            assert picture is not None
            assert picture.identity == study_identity(study)
            assert picture.number == trial.number
            assert spec is not None
            assert spec.fingerprint.startswith(picture.fingerprint)


def test_pictures_of_further_variables_have_ids_and_safe_names_of_their_own(
    tiny_config: SweepConfig,
) -> None:
    data = tiny_config.data.of(None).model_copy(update={"predict": ("t2m", "../u 10", "tcwv")})
    run = tiny_config.run.model_copy(update={"data": data})
    spec = TrialSpec(number=7, run=run)

    attributes = artifact_attributes("0" * 12, spec, ["maps-last-lead"])

    described = [json.loads(value) for value in attributes.values()]
    assert [one["filename"] for one in described] == [
        "maps-last-lead.png",
        ".._u_10 maps-last-lead.png",
        "tcwv maps-last-lead.png",
    ]
    pictures = [picture_of(one["artifact_id"]) for one in described]
    assert [one and (one.number, one.picture, one.variable) for one in pictures] == [
        (7, "maps-last-lead", 0),
        (7, "maps-last-lead", 1),
        (7, "maps-last-lead", 2),
    ]


def test_an_ensemble_has_pictures_of_its_members_and_its_baseline_has_none(
    members_study: MembersStudy,
) -> None:
    of_members = {name for name, kind in PICTURES.items() if kind.of_members}
    for number, expected in ((0, set()), (1, of_members)):
        preview = members_study.files.preview(number)
        assert preview is not None
        assert of_members & set(pictures_of(preview)) == expected
        trial = members_study.study.get_trials()[number]
        found = get_all_artifact_meta(trial, storage=members_study.study._storage)
        assert [meta.filename for meta in found] == [f"{n}.png" for n in pictures_of(preview)]
