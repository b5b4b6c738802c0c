"""Tables and sentences of a confirmation, from figures worked by hand."""

from dataclasses import replace

import pytest

from fieldsharp.objectives.leads.intervals import Interval
from fieldsharp.objectives.leads.lead import MembersLead
from fieldsharp.sweep.report import confirmation_tables, sentences_of_confirmation
from fieldsharp.sweep.report.measured import MeasuredFigure, measured_split
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.render import lay_out, render
from fieldsharp.sweep.study.confirmation.records import Confirmation
from tests.sweep.report.conftest import Whole
from tests.sweep.report.measured_figures import a_confirmation, forecast, some_runs
from tests.sweep.study.confirmation.seed_runs import confirmation_with_references, lead

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def of(whole: Whole, confirmation: Confirmation) -> Report:
    """The report of a study, had it been confirmed so."""
    measured = measured_split(confirmation, some_runs())
    return replace(
        whole.report, confirmation=confirmation, tested=measured, why_not_tested="", units="K"
    )


def test_the_comparison_shows_sharpeners_and_references(whole: Whole) -> None:
    table = confirmation_tables.comparison(of(whole, confirmation_with_references()))
    assert table is not None
    assert table.caption == "Validation split, 1 new seed: mean \N{PLUS-MINUS SIGN} standard error"
    assert list(table.headings[:5]) == ["", "configuration", "sharpener", "score", "held score"]
    assert {len(row) for row in table.rows} == {len(table.headings)}
    assert [list(row[:5]) for row in table.rows[1:]] == [
        ["trial 0 (baseline)", "baseline", "none", "0.6931", "0.6931"],
        ["baseline", "without any further training", "inflate", "0.2231", "0.2231"],
        ["baseline", "without any further training", "quantile", "0.075", "0.6931"],
        ["trial 4", "words of t4", "unsharp", "0", "0"],
    ]
    assert [row[-1] for row in table.rows[1:]] == ["1 of 1", "1 of 1", "0 of 1", "1 of 1"]
    assert table.bold_row == 4


def test_leads_have_their_chances_and_say_whether_they_are_more_than_chance(whole: Whole) -> None:
    leads = {
        "over_baseline": [lead(4, 0.1, 0.012), lead(5, -0.2, 1.0, rmse=-0.034)],
        "over_reference": [lead(4, 0.03, None, reference="inflate", rmse=0.01)],
    }
    table = confirmation_tables.comparison_leads(
        of(whole, a_confirmation().model_copy(update=leads))
    )
    assert table is not None
    assert list(table.headings) == [
        *("", "ahead of", "in held score", "chance", "in RMSE", "chance", "more than chance")
    ]
    assert [list(row) for row in table.rows] == [
        ["trial 4", "baseline", "+0.1", "0.012", "+0.0 %", "1", "yes"],
        ["trial 5", "baseline", f"{MINUS}0.2", "1", f"{MINUS}3.4 %", "1", "no"],
        ["trial 4", "baseline + inflate", "+0.03", DASH, "+1.0 %", DASH, "can't be told"],
    ]


def test_leads_of_members_are_those_in_crps_and_variogram_score(whole: Whole) -> None:
    members = MembersLead(crps=0.05, variogram=-0.02)
    leads = [lead(4, 0.0, 0.01, reference="dressed", members=members)]
    table = confirmation_tables.tested_leads(of(whole, a_confirmation(leads=leads)))
    assert table is not None
    assert table.headings[2:5] == ["in CRPS", "chance", "in variogram score"]
    assert list(table.rows[0]) == [
        *("trial 4", "every ensemble without training", "+5.0 %", "0.01", f"{MINUS}2.0 %", "1"),
        "no",
    ]


def test_the_test_split_has_means_with_intervals_of_their_shares(whole: Whole) -> None:
    table = confirmation_tables.tested_metrics(of(whole, a_confirmation()))
    assert table is not None
    windows = whole.report.windows["test"]
    assert table.caption == (
        f"Test split, {windows} windows, mean over 2 new seeds, shares with 95 % intervals"
    )
    assert {len(row) for row in table.rows} == {len(table.headings)}
    assert [list(row) for row in table.rows[:2]] == [
        ["observed", "2 (1)", "10 (1)", "", "", "", "", ""],
        # (10 - 2) of (10 - 2), and (11 - 2) of it
        ["target", "2 to 2.2 (1.00 to 1.10)", "10 to 11 (1.00 to 1.12)", *[""] * 5],
    ]
    assert list(table.rows[4]) == [
        "trial 4",
        *["1.5 (1.50, 1.25 to 1.75)"] * 3,
        "0.40",
        "\N{EN DASH}",
        "1.5 \N{PLUS-MINUS SIGN} 0.5",
        "none broken",
    ]
    assert table.bold_row == 4
    scores = confirmation_tables.tested_scores(of(whole, a_confirmation()))
    assert scores is not None
    assert [row[0] for row in scores.rows] == ["baseline", "baseline + inflate", "trial 4"]
    assert scores.rows[0][-1] == "2 of 2"
    assert scores.bold_row == 2


def test_a_share_without_an_interval_stands_alone(whole: Whole) -> None:
    report = of(whole, a_confirmation(winner=forecast(1.5, intervals=None)))
    table = confirmation_tables.tested_metrics(report)
    assert table is not None
    assert table.rows[4][3] == "1.5 (1.50)"
    assert report.tested is not None
    baseline = report.tested.forecasts[0]
    certain = MeasuredFigure(1.0, Interval(value=1.0, low=1.0, high=1.0))
    own = replace(report.tested, forecasts=[replace(baseline, rmse=certain)])
    table = confirmation_tables.tested_metrics(replace(report, tested=own))
    assert table is not None
    assert table.rows[2][3] == "1 (1.00)", "its own RMSE is no estimate"


def test_the_test_is_told_with_seeds_blocks_and_how_often_the_split_was_read(whole: Whole) -> None:
    said = sentences_of_confirmation.tested_sentence(of(whole, a_confirmation()))
    assert said == (
        "The winner was fixed and stored before the test split was read for it. The test split was "
        "read for this result alone. It has 12 independent blocks of windows; an interval holds "
        "the true value with a chance of 95 %."
    )
    again = of(whole, a_confirmation(readings=3, blocks=7))
    said = sentences_of_confirmation.tested_sentence(again)
    assert "has been read for 3 winners by now" in said
    assert "7 independent blocks of windows: below 10 no lead and no interval can be told." in said
    baseline = a_confirmation(winner=None, leads=[]).model_copy(update={"winner": 0})
    said = sentences_of_confirmation.tested_sentence(of(whole, baseline))
    assert said.startswith("The baseline is the winner, so that no trial was measured")


def test_the_metrics_are_told_with_the_seeds(whole: Whole) -> None:
    assert sentences_of_confirmation.measured_sentence(of(whole, a_confirmation())) == (
        "On the test split, which neither training nor search used, the baseline has 100 % of the "
        "observed gradient and 100 % of the peak's height above the mean, the baseline + inflate "
        "has 125 % of the observed gradient and 125 % of the peak's height above the mean and "
        "trial 4 has 150 % of the observed gradient and 150 % of the peak's height above the mean, "
        "at 1.25 and 1.50 times the baseline's RMSE; mean over 2 new seeds."
    )


@pytest.mark.parametrize("is_earlier", [False, True])
def test_a_confirmation_of_an_earlier_version_is_shown_as_one_table(
    is_earlier: bool, whole: Whole
) -> None:
    found = confirmation_with_references() if is_earlier else a_confirmation()
    if is_earlier:
        found = found.model_copy(update={"part": "test", "best": None})
    report = of(whole, found)
    html = render(report, lay_out(report)).split('<section id="confirmation">')[1]
    assert report.shows_test
    assert ("An earlier version compared all of these trials on the test split" in html) == (
        is_earlier
    )
    assert ("<h3>Test of the winner</h3>" in html) != is_earlier
    assert ("<caption>Test split, 1 new seed: mean" in html) == is_earlier
    assert html.split("</section>")[0].count("<table") == (1 if is_earlier else 3)
