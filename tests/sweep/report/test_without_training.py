"""What needs no training, beside the chosen trial: its table, sentences and chart."""

import re
from dataclasses import replace

import pytest

from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.sweep.pictures.style import PAGE
from fieldsharp.sweep.report import sentences_without_training as sentences
from fieldsharp.sweep.report import tables
from fieldsharp.sweep.report.charts.frontier import error_against_sharpness
from fieldsharp.sweep.report.model import ComparedForecast, Report, WithoutTraining
from fieldsharp.sweep.report.render import lay_out, render
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.trial_records import trial_record
from tests.sweep.pictures.sources import made_curve, made_sharpness
from tests.sweep.report.conftest import Whole


def _forecast(kind: str, sharpener: str = "", score: float = 0.3) -> ComparedForecast:
    return ComparedForecast(
        kind=kind,
        sharpener=sharpener,
        score=score,
        gradient_share=0.97,
        peak_share=0.92,
        rmse_share=1.03,
        gradient_correlation=0.6,
        fractions_skill=0.65,
        threat_score=0.3,
        potential_skill=0.5,
        excess=0.02,
        guards_broken=(),
    )


COMPARED = WithoutTraining(
    baseline=_forecast("baseline"),
    references=[_forecast("reference", "spectral", 0.2), _forecast("reference", "unsharp", 0.1)],
    best="unsharp",
    chosen=replace(_forecast("forecast", "quantile", 0.02), rmse_share=1.0, fractions_skill=0.7),
    chosen_without=_forecast("forecast", "", 0.05),
    points=made_sharpness().references,
)


@pytest.fixture
def report(whole: Whole) -> Report:
    curve = made_curve(doubts=["the field is not Gaussian"])
    frontier = Frontier(overall=curve, by_lead=[curve], windows=8, blocks=2)
    return replace(
        whole.report,
        without_training=COMPARED,
        frontier=StudyFrontier(frontier, gradient_observed=3.0, baseline_rmse=2.0),
    )


def _with(report: Report, **changed: object) -> Report:
    return replace(report, without_training=replace(COMPARED, **changed))  # type: ignore[arg-type]


def test_a_study_that_was_run_has_every_reference_and_the_chosen_trial(whole: Whole) -> None:
    found = whole.report.without_training
    assert found is not None
    record = trial_record(whole.study.get_trials()[0])
    assert record is not None
    assert [one.score for one in found.references] == [one.score for one in record.references]
    assert [one.sharpener for one in found.references] == [one.name for one in record.references]
    assert found.baseline.rmse_share == 1.0
    assert found.reference is not None
    table = tables.without_training(whole.report)
    assert table is not None
    names = [row[0] for row in table.rows]
    assert names[:6] == ["baseline", *(f"baseline + {one.name}" for one in record.references)]
    assert table.bold_row is not None
    assert names[table.bold_row] == f"baseline + {found.best}"


def test_the_table_says_what_each_costs_and_which_guards_it_breaks(report: Report) -> None:
    broken = replace(COMPARED.references[0], guards_broken=("spike", "change"), excess=-0.013)
    table = tables.without_training(_with(report, references=[broken, COMPARED.references[1]]))
    assert table is not None
    rows = {row[0]: row for row in table.rows}
    number = report.chosen.number if report.chosen is not None else None
    assert list(rows) == [
        "baseline",
        "baseline + spectral",
        "baseline + unsharp",
        f"trial {number}",
        f"trial {number} + quantile",
    ]
    assert rows["baseline + spectral"][-2:] == ["\N{MINUS SIGN}1.3 %", "breaks spike, change"]
    assert rows["baseline"][-2:] == ["+2.0 %", "none broken"]
    assert rows["baseline + unsharp"][1:5] == ["0.1", "0.97", "0.92", "1.03"]


def test_without_a_frontier_the_table_has_no_column_of_it(report: Report) -> None:
    plain = [replace(one, excess=None) for one in COMPARED.references]
    compared = _with(
        report,
        baseline=replace(COMPARED.baseline, excess=None),
        references=plain,
        chosen=None,
        chosen_without=None,
    )
    table = tables.without_training(compared)
    assert table is not None
    assert "RMSE above the frontier" not in table.headings
    assert {len(row) for row in table.rows} == {len(table.headings)}


def test_what_training_adds_beyond_a_sharpener_is_said(report: Report) -> None:
    said = sentences.added_sentence(report)
    assert "with quantile has a lower score, 0.02 against 0.1" in said
    assert "a lower RMSE (1.00 against 1.03)" in said
    assert "the same correlation of gradients (0.60)" in said
    assert "more fractions skill of gradients (0.70 against 0.65)" in said


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"score": 0.5}, "what it wins over the baseline, a sharpener wins too"),
        ({"score": 0.1004}, "has about the same score"),
        ({"guards_broken": ("spike",)}, "breaks spike"),
    ],
)
def test_a_trial_that_is_no_better_than_a_sharpener_is_not_praised(
    report: Report, chosen: dict[str, object], words: str
) -> None:
    assert COMPARED.chosen is not None
    changed = replace(COMPARED.chosen, **chosen)  # type: ignore[arg-type]
    assert words in sentences.added_sentence(_with(report, chosen=changed))


def test_where_every_sharpener_breaks_a_guard_a_trial_that_does_not_is_the_better(
    report: Report,
) -> None:
    broken = [replace(one, guards_broken=("spike",)) for one in COMPARED.references]
    changed = _with(report, references=broken)
    assert "as every one breaks some guard" in sentences.references_sentence(changed)
    assert "breaks no guard, which no sharpener" in sentences.added_sentence(changed)


def test_the_frontier_is_called_an_estimate_with_the_reason_and_the_diagnosis(
    report: Report,
) -> None:
    said = sentences.frontier_sentence(report)
    assert "1.10 times the baseline's RMSE" in said
    assert "The baseline is too bold" in said
    assert "The curve is an estimate: the field is not Gaussian." in said
    assert "lies 2.0 % above it." in said


def test_the_chart_names_every_sharpener(report: Report, whole: Whole) -> None:
    figure = error_against_sharpness(
        whole.report.trials,
        whole.best,
        COMPARED.points,
        report.frontier,
        whole.report.validation.targets.gradient,
        3.0,
        PAGE,
    )
    said = {text.get_text() for text in figure.axes[0].texts}
    assert {"unsharp", "calibrate", "baseline", f"trial {whole.best}"} <= said
    assert "frontier (estimate)" in said


def test_the_page_has_the_section_and_one_chart_of_error_against_gradient(
    report: Report, whole: Whole
) -> None:
    html = whole.path.read_text(encoding="utf-8")
    assert '<section id="without-training">' in html
    assert ">RMSE against gradient<" not in html
    assert len(re.findall(r'id="frontier-title"', html)) == 1


def test_a_script_says_what_it_would_have_to_write(report: Report) -> None:
    changed = _with(
        report, references=[], points=[], best="", chosen=None, chosen_without=None, why_none="why"
    )
    page = lay_out(replace(changed, frontier=None))
    assert page.references_sentence == "There is nothing to compare with: why."
    assert page.references is None
    assert list(page.frontier) == []


def test_a_study_of_an_earlier_version_has_its_page_as_before(whole: Whole) -> None:
    def without(results: dict[str, object]) -> dict[str, object]:
        return {kind: one for kind, one in results.items() if kind != "reference"}

    validation = whole.report.validation
    old = replace(
        whole.report,
        without_training=None,
        frontier=None,
        tested=None,
        validation=replace(
            validation,
            results=without(dict(validation.results)),  # type: ignore[arg-type]
            forecasts=without(dict(validation.forecasts)),  # type: ignore[arg-type]
        ),
    )
    page = lay_out(old)
    html = render(old, page)
    assert "without-training" not in html
    assert ">RMSE against gradient<" in html
    assert "baseline +" not in html
