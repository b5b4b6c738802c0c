"""A study as a table."""

import csv
import io

import pytest
from optuna.storages import get_storage

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.dashboard.views.study_payload import StudyPayload
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import trial_record


def _rows(url: str, numbers: set[int] | None = None) -> list[dict[str, str]]:
    details = StudyPayload(get_storage(open_database(url, "write")), url)
    text = details.csv(1, numbers)
    assert text is not None
    return list(csv.DictReader(io.StringIO(text)))


def test_every_trial_has_a_row_with_figures_and_settings(finished_url: str) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    rows = _rows(finished_url)
    for row, trial in zip(rows, study.trials, strict=True):
        record = trial_record(trial)
        assert record is not None
        assert (row["trial"], row["state"]) == (str(trial.number), "complete")
        assert row["feasible"] == ("yes" if record.feasible else "no")
        assert trial.value is not None
        assert float(row["minimised: score"]) == trial.value
        assert float(row["peak [ug m-3]"]) == record.metrics["peak"]
        assert row["loss_variant"] == trial.params["loss_variant"]
    assert not {"record", "spec"} & rows[0].keys()


def test_the_sharpener_and_the_excess_over_the_frontier_come_last(finished_url: str) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")
    rows = _rows(finished_url)
    assert list(rows[0])[-3:] == [
        "sharpener",
        "score without sharpener",
        "rmse above the frontier [ug m-3]",
    ]
    baseline = trial_record(study.trials[0])
    assert baseline is not None
    assert baseline.frontier is not None
    for row, trial in zip(rows, study.trials, strict=True):
        record = trial_record(trial)
        assert record is not None
        assert record.sharpening is not None
        assert row["sharpener"] == record.sharpening.name
        assert float(row["score without sharpener"]) == record.sharpening.without.score
        share = record.metrics["gradient"] / record.metrics["gradient_observed"]
        excess = record.metrics["rmse"] - baseline.frontier.rmse_at(share)
        assert float(row["rmse above the frontier [ug m-3]"]) == pytest.approx(excess)


def test_only_the_trials_asked_for(finished_url: str) -> None:
    assert [row["trial"] for row in _rows(finished_url, {2, 5, 99})] == ["2", "5"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2", "'-2"),
        ("+2", "'+2"),
        ("\tx", "'\tx"),
        ("\n=1", "'\n'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("x;=1+1\r\n-2", "x;'=1+1\r\n'-2"),  # where the table program splits at semicolons
        ("a=1, b-2", "a=1, b-2"),
        ("\x1b[2J\u202e", r"\x1b[2J\u202e"),
    ],
)
def test_text_is_never_taken_for_a_formula(own_copy: str, words: str, shown: str) -> None:
    study = load_study(open_database(own_copy, "write"), "tiny")
    study.ask().set_user_attr("weather", words)
    assert _rows(own_copy)[8]["weather"] == shown


def test_a_heading_is_never_taken_for_a_formula(own_copy: str) -> None:
    study = load_study(open_database(own_copy, "write"), "tiny")
    trial = study.ask()
    trial.set_user_attr('=HYPERLINK("https://example.org","x")', -1.5)
    trial.set_user_attr("\x1b]0;title\x07", ["=1"])
    trial.set_user_attr("@", 1)
    row = _rows(own_copy)[8]
    assert row['\'=HYPERLINK("https://example.org","x")'] == "-1.5"
    assert row[r"\x1b]0;title\x07"] == "['=1']"
    assert row["'@"] == "1"


def test_a_study_of_another_program_is_left_to_the_stock_page(finished_url: str) -> None:
    details = StudyPayload(get_storage(open_database(finished_url, "read")), finished_url)
    assert details.csv(99, None) is None
