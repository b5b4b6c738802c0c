"""The note, attributes and picture of an ensemble on the dashboard."""

from fieldsharp.sweep.dashboard.views.attributes import parse_trial, trial_attributes
from fieldsharp.sweep.dashboard.views.members_note import members_note
from fieldsharp.sweep.dashboard.views.notes import note_picture, study_note, trial_note
from fieldsharp.sweep.study.files.artifacts import TrialPicture
from fieldsharp.sweep.study.status.report import study_status
from tests.sweep.members_study import MEMBERS, MembersStudy


def test_the_note_of_an_ensemble_has_its_scores_beside_what_needs_no_training(
    members_study: MembersStudy,
) -> None:
    trial = parse_trial(members_study.study.get_trials()[1])
    note = trial_note(trial, members_study.facts, members_study.baseline)

    own = members_study.ensemble.members["none"].overall
    beside = [one.overall for one in members_study.baseline.members.values()]
    skills = [f"{1.0 - own.crps / one.crps:.4g}" for one in beside]
    rmse = members_study.baseline.metrics["rmse"]
    shares = [f"{one.rmse_of_mean_without_sampling / rmse:.4g}" for one in (own, *beside)]
    crps = [f"{one.crps:.4g}" for one in (own, *beside)]
    spread = [f"{one.spread_over_error:.4g}" for one in (own, *beside)]
    assert f"**{MEMBERS} members judged together**, {own.windows} windows:" in note
    assert "| validation split | this trial | dressed baseline | climatology |" in note
    assert f"| fair CRPS [{members_study.facts.units}] | {' | '.join(crps)} |" in note
    assert f"| skill of its CRPS over the other |  | {' | '.join(skills)} |" in note
    assert f"| spread / error of the mean | {' | '.join(spread)} |" in note
    assert f"| RMSE of the mean / baseline's | {' | '.join(shares)} |" in note
    assert "too few independent windows to test it" in note
    assert "(the lower the better)" in note


def test_the_note_of_a_single_forecast_says_nothing_of_members(members_study: MembersStudy) -> None:
    assert members_note(members_study.baseline, members_study.baseline, "K") == []
    note = trial_note(parse_trial(members_study.study.get_trials()[0]), members_study.facts, None)
    assert "What needs no training; figures of ensembles are those of single members:" in note
    assert "sharpener" not in note


def test_before_the_baseline_is_complete_an_ensemble_stands_alone(
    members_study: MembersStudy,
) -> None:
    (_, table, _) = members_note(members_study.ensemble, None, "")
    assert table.startswith("| validation split | this trial |\n|---|---|\n| fair CRPS |")
    assert "baseline" not in table


def test_the_note_of_the_study_names_an_ensemble_as_what_it_is(members_study: MembersStudy) -> None:
    note = study_note(study_status(members_study.study, members_study.url), members_study.url)
    assert ", each member by itself, score" in note
    assert "the baseline with `dressed`" not in note


def test_attributes_have_what_members_are_judged_by(members_study: MembersStudy) -> None:
    found = [
        trial_attributes(parse_trial(trial), members_study.facts)
        for trial in members_study.study.get_trials()
    ]
    metrics = members_study.ensemble.metrics
    assert found[1][f"crps [{members_study.facts.units}]"] == metrics["crps"]
    assert found[1]["spread / error"] == metrics["spread_over_error"]
    assert found[1]["rmse of mean / baseline"] == (
        metrics["rmse_of_mean_without_sampling"] / members_study.ensemble.baseline_rmse
    )
    assert "score of crps" in found[0]
    assert "spread / error" not in found[0]


def test_the_picture_of_a_note_is_of_members_where_there_are_any() -> None:
    def picture(*names: str) -> str:
        ids = [TrialPicture("0" * 12, 1, "a" * 12, name).artifact_id for name in names]
        return note_picture(1, 2, [{"artifact_id": one} for one in ids])

    assert "three members beside what was observed" in picture(
        "maps-first-lead", "maps-last-lead", "members-first-lead", "members-last-lead"
    )
    assert "the forecast beside what was observed" in picture("maps-first-lead", "spectra")
