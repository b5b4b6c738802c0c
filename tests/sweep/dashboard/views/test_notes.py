"""Trials and studies in words."""

from dataclasses import replace

import pytest

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.dashboard.views.attributes import parse_trial
from fieldsharp.sweep.dashboard.views.notes import output_note, study_note, trained_with, trial_note
from fieldsharp.sweep.study.lookup import load_study, study_data_summary
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


def test_the_end_of_what_a_script_printed_stands_in_its_note_as_it_is() -> None:
    printed = "first\n" * 30 + "```\n**bold** <b>\x1b[31m\n\n"
    note = output_note(printed)
    assert note.count("first") == 18
    assert note.endswith("    ```\n    **bold** <b>\\x1b[31m")
    assert all(line.startswith("    ") for line in note.split("\n\n")[2].split("\n"))
    assert output_note(" \n\n") == ""
