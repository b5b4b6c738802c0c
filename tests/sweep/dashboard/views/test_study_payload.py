"""What the page of a study is made of, from a study that was really run."""

import json
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, get_storage
from optuna_dashboard import save_note

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.dashboard.views import study_cache
from fieldsharp.sweep.dashboard.views.study_payload import StudyPayload
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.files.artifacts import PICTURES
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.trial_records import best_trial, trial_record


def _storage(url: str) -> BaseStorage:
    return get_storage(open_database(url, "write"))


def _detail(url: str, after: int = 0) -> dict[str, Any]:
    body = StudyPayload(_storage(url), url).detail(1, after)
    assert body is not None
    tree = json.loads(body)
    assert isinstance(tree, dict)
    return tree


def _attributes(trial: dict[str, Any]) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in trial["user_attrs"]}


def _own_trial(url: str, number: int, **changed: float) -> None:
    """Add a copy of a trial with other constraints."""
    study = load_study(open_database(url, "write"), "tiny")
    trial = study.trials[number]
    trial.number = len(study.trials)
    for name, value in changed.items():
        trial._system_attrs[f"constraints:{name}"] = value
    trial.user_attrs[trial_records.SCORE] = 0.0
    trial.values = [0.0]
    study.add_trial(trial)


def test_every_trial_is_there_as_the_page_expects_it(finished_url: str) -> None:
    found = _detail(finished_url)
    study = optuna.load_study(study_name="tiny", storage=open_database(finished_url, "read"))
    assert found["name"] == "tiny"
    assert [trial["number"] for trial in found["trials"]] == list(range(8))
    for shown, trial in zip(found["trials"], study.trials, strict=True):
        assert shown["values"] == trial.values
        assert len(shown["params"]) == len(trial.params)
        assert [step["value"] for step in shown["intermediate_values"]] == list(
            trial.intermediate_values.values()
        )
        of_one = [name for name, kind in PICTURES.items() if not kind.of_members]
        assert len(shown["artifacts"]) == len(of_one)


def test_only_trials_from_a_number_on_are_sent_where_that_was_asked_for(finished_url: str) -> None:
    found = _detail(finished_url, after=6)
    assert [trial["number"] for trial in found["trials"]] == [6, 7]
    assert found["best_trials"]
    assert _detail(finished_url, after=100)["trials"] == []


def test_constraints_are_there_for_every_trial_in_one_order(finished_url: str) -> None:
    study = optuna.load_study(study_name="tiny", storage=open_database(finished_url, "read"))
    for shown, trial in zip(_detail(finished_url)["trials"], study.trials, strict=True):
        assert shown["constraints"] == [v for _, v in sorted(trial.constraints.items())]
        assert shown["constraints"]


def test_the_best_trial_never_breaks_a_guard(own_copy: str) -> None:
    _own_trial(own_copy, 3, roughness=1.0)
    found = _detail(own_copy)
    assert found["trials"][8]["values"] == [0.0]  # the lowest of all
    assert max(found["trials"][8]["constraints"]) == 1.0
    study = load_study(open_database(own_copy, "read"), "tiny")
    best = best_trial(study.trials)
    assert best is not None
    assert best.number != 8
    assert [trial["number"] for trial in found["best_trials"]] == [best.number]


def test_attributes_are_figures_with_units(finished_url: str) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    record = trial_record(study.trials[4])
    assert record is not None
    shown = _attributes(_detail(finished_url)["trials"][4])
    metrics = record.metrics
    assert float(shown["gradient [ug m-3 per cell]"]) == metrics["gradient"]
    assert float(shown["peak [ug m-3]"]) == metrics["peak"]
    assert float(shown["gradient / observed"]) == pytest.approx(
        metrics["gradient"] / metrics["gradient_observed"]
    )
    assert float(shown["peak above mean / observed"]) == pytest.approx(
        (metrics["peak"] - metrics["mean_observed"])
        / (metrics["peak_observed"] - metrics["mean_observed"])
    )
    assert shown["time [s]"] == "0.5"
    assert not {trial_records.SPEC, trial_records.RECORD, trial_records.PROVENANCE} & shown.keys()
    names = {pair["key"]: pair["sortable"] for pair in _detail(finished_url)["union_user_attrs"]}
    assert names["score"] is True
    assert names["device"] is False


def test_what_others_wrote_to_a_trial_stays(own_copy: str) -> None:
    study = load_study(open_database(own_copy, "write"), "tiny")
    trial = study.ask()
    trial.set_user_attr("weather", "fine")
    shown = _detail(own_copy)["trials"][8]
    assert shown["state"] == "Running"
    assert _attributes(shown)["weather"] == "fine"
    assert shown["note"]["body"] == "**Not finished yet.**"


def test_the_note_of_a_trial_says_what_it_came_to(finished_url: str) -> None:
    notes = [trial["note"]["body"] for trial in _detail(finished_url)["trials"]]
    study = load_study(open_database(finished_url, "read"), "tiny")
    for note, trial in zip(notes, study.trials, strict=True):
        record = trial_record(trial)
        assert record is not None
        assert f"score {record.score:.4g}**" in note.lower()
        for guard in record.guards:
            assert (f"- `{guard.name}`" in note) is (not guard.ok)
        assert f"| {record.metrics['gradient']:.4g} |" in note
    assert "without any gradient term" in notes[0]
    baseline = trial_record(study.trials[0])
    assert baseline is not None
    assert all(f"| {baseline.metrics['rmse']:.4g} |" in note for note in notes[1:])


def test_the_note_of_a_study_has_the_verdict_and_the_next_step(finished_url: str) -> None:
    status = study_status(load_study(open_database(finished_url, "read"), "tiny"), finished_url)
    note = _detail(finished_url)["note"]["body"]
    assert note.startswith(f"## Verdict: {status.verdict.name}")
    assert "**Next:**" in note
    assert status.best is not None
    assert f"trial {status.best.trial}, score" in note
    assert "python run_sweep.py report tiny --storage" in note


def test_a_note_of_a_person_is_left_alone(own_copy: str) -> None:
    storage = _storage(own_copy)
    details = StudyPayload(storage, own_copy)
    first = details.detail(1, 0)
    assert first is not None
    study = optuna.load_study(study_name="tiny", storage=storage)
    save_note(study, "mine")
    trial = optuna.trial.Trial(study, study.trials[2]._trial_id)
    save_note(trial, "mine too")
    found = json.loads(details.detail(1, 0) or b"")
    assert found["note"]["body"] == "mine"
    assert found["trials"][2]["note"]["body"] == "mine too"
    assert found["trials"][3]["note"]["body"] == json.loads(first)["trials"][3]["note"]["body"]


def test_a_trial_that_comes_and_ends_is_seen(own_copy: str) -> None:
    storage = _storage(own_copy)
    details = StudyPayload(storage, own_copy)
    details.detail(1, 0)
    study = load_study(open_database(own_copy, "write"), "tiny")
    trial = study.ask()
    assert json.loads(details.detail(1, 8) or b"")["trials"][0]["state"] == "Running"
    storage.set_trial_user_attr(trial._trial_id, trial_records.FAILURE, "it *burst* <b>")
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    shown = json.loads(details.detail(1, 8) or b"")["trials"][0]
    assert shown["state"] == "Fail"
    assert shown["note"]["body"] == "**Failed:** it \\*burst\\* \\<b\\>"


def test_a_study_of_another_program_is_left_to_the_stock_page(own_copy: str) -> None:
    other = optuna.create_study(study_name="other", storage=open_database(own_copy, "write"))
    assert StudyPayload(_storage(own_copy), own_copy).detail(other._study_id, 0) is None
    assert StudyPayload(_storage(own_copy), own_copy).detail(99, 0) is None


def test_a_study_of_another_version_is_left_to_the_stock_page(own_copy: str) -> None:
    study = load_study(open_database(own_copy, "write"), "tiny")
    study.set_user_attr(trial_records.FACTS, {"variable": "plume"})
    assert StudyPayload(_storage(own_copy), own_copy).detail(1, 0) is None


def test_another_study_under_the_same_number_is_read_anew(
    own_copy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = _storage(own_copy)
    details = StudyPayload(storage, own_copy)
    details.detail(1, 0)
    study = load_study(open_database(own_copy, "write"), "tiny")
    study.set_user_attr(trial_records.IDENTITY, "feedfacefeedface")
    facts = study.user_attrs[trial_records.FACTS]
    study.set_user_attr(trial_records.FACTS, {**facts, "units": "K"})
    shown = json.loads(details.detail(1, 0) or b"")["trials"][0]
    assert "peak [K]" in _attributes(shown)


def test_of_a_large_study_the_best_and_the_newest_have_their_epochs(
    finished_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _detail(finished_url)["trials"]
    assert all(trial["intermediate_values"] for trial in whole)
    monkeypatch.setattr(study_cache, "LARGE", 7)
    monkeypatch.setattr(study_cache, "LINES", 2)
    shown = _detail(finished_url)["trials"]
    drawn = [trial["number"] for trial in shown if trial["intermediate_values"]]
    study = load_study(open_database(finished_url, "read"), "tiny")
    ranked = trial_records.by_score(study.trials)
    best = best_trial(study.trials)
    assert best is not None
    assert set(drawn) == {6, 7, best.number, *(trial.number for trial in ranked[:2])}
    for trial in shown:
        assert trial["intermediate_values"] in ([], whole[trial["number"]]["intermediate_values"])
