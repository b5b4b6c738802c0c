"""Trials and studies in words."""

from dataclasses import replace

import pytest

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.dashboard.views.attributes import parse_trial
from fieldsharp.sweep.dashboard.views.notes import output_note, study_note, trained_with, trial_note
from fieldsharp.sweep.study.lookup import load_study, study_data_summary
from fieldsharp.sweep.study.sharpening_records import Sharpening
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.trial_spec import TrialSpec


@pytest.fixture
def spec(tiny_config: SweepConfig) -> TrialSpec:
    return TrialSpec(number=3, run=tiny_config.run)


def _with_loss(spec: TrialSpec, **loss: object) -> TrialSpec:
    run = spec.run.model_copy(update={"loss": spec.run.loss.model_copy(update=loss)})
    return spec.model_copy(update={"run": run})


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"gradient_weight": 0.0}, "mse alone, without any gradient term"),
        (
            {"variant": "sobel", "gradient_weight": 0.2, "multi_step": "last"},
            "`sobel` with weight 0.2 on the last predicted step; such a loss cannot cure",
        ),
        (
            {"variant": "sorted", "gradient_weight": 1.0, "multi_step": "all"},
            "`sorted` with weight 1 on every predicted step; such a loss can cure",
        ),
        (
            {"gradient_weight": 0.0, "peak_variant": "extremes", "peak_weight": 2.0},
            "mse and `extremes` with weight 2",
        ),
        (
            {
                "variant": "sobel",
                "gradient_weight": 0.2,
                "peak_variant": "extremes",
                "peak_weight": 2.0,
            },
            "`sobel` with weight 0.2 and `extremes` with weight 2 on the last predicted step; such "
            "a loss can cure",
        ),
        ({"variant": "mine:steep", "gradient_weight": 1.0}, "such a loss may or may not cure"),
    ],
)
def test_a_loss_is_said_with_all_its_terms_and_what_it_can_do(
    spec: TrialSpec, loss: dict[str, object], words: str
) -> None:
    assert words in trained_with(_with_loss(spec, **loss))


def test_units_and_names_are_shown_as_they_are_whatever_they_hold(finished_url: str) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    facts = study_data_summary(study).model_copy(update={"units": "$K$ |<b>*&lt;~_`"})
    note = trial_note(parse_trial(study.trials[1]), facts, None)
    assert r"[\$K\$ \|\<b\>\*&amp;lt;\~\_\`]" in note
    status = replace(study_status(study, finished_url), units=facts.units)
    assert r"\$K\$" in study_note(status, finished_url)


def test_the_end_of_what_a_script_printed_stands_in_its_note_without_its_colours() -> None:
    printed = "first\n" * 30 + "```\n**bold** <b>\x1b[31m\n\n"
    note = output_note(printed)
    assert note.count("first") == 18
    assert note.endswith("    ```\n    **bold** <b>")
    assert all(line.startswith("    ") for line in note.split("\n\n")[2].split("\n"))
    assert output_note(" \n\n") == ""


def test_the_note_of_the_baseline_has_a_table_of_what_sharpeners_make_of_it(
    finished_url: str,
) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    parsed = parse_trial(study.get_trials()[0])
    assert parsed.record is not None
    note = trial_note(parsed, study_data_summary(study), None)
    for one in parsed.record.references:
        assert f"| `{one.name}` | {one.score:.4g} |" in note


def test_the_note_of_a_sharpened_trial_says_what_it_is_without(finished_url: str) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    parsed = parse_trial(study.get_trials()[1])
    assert parsed.record is not None
    assert parsed.record.sharpening is not None
    without = parsed.record.sharpening.without.model_copy(update={"score": 0.456, "guards": []})
    for name, is_said in (("unsharp", True), ("none", False)):
        sharpening = Sharpening(name=name, without=without)
        record = parsed.record.model_copy(update={"sharpening": sharpening})
        note = trial_note(replace(parsed, record=record), study_data_summary(study), None)
        assert ("**Judged with** `unsharp`" in note) is is_said
        assert ("without it its score is 0.456." in note) is is_said


def test_the_note_of_a_study_says_what_needs_no_training_and_what_the_frontier_says(
    finished_url: str,
) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    status = study_status(study, finished_url)
    note = study_note(status, finished_url)
    assert f"**Without any training:** the baseline with `{status.best_reference}`" in note
    assert status.frontier is not None
    assert f"an RMSE of {status.frontier.overall.rmse_full:.4g} ug m-3 at least" in note
    assert ("an estimate" in note) is status.frontier.overall.is_estimate
    bare = replace(
        status, references=[], best_reference=None, references_note="see_here", frontier=None
    )
    assert r"**Without any training:** see\_here" in study_note(bare, finished_url)
    assert "**Frontier:**" not in study_note(bare, finished_url)
