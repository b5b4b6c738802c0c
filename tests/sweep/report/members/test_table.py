"""The table of members has the figures of the record."""

import pytest

from fieldsharp.sweep.report.members.table import members_table
from fieldsharp.sweep.report.tables import Table
from tests.sweep.members_study import MembersStudy
from tests.sweep.report.members.conftest import MembersReport


@pytest.fixture
def table(members_report: MembersReport) -> Table:
    return members_table(members_report.found, members_report.report.units)


def test_every_lead_has_a_row_and_all_leads_the_first(table: Table) -> None:
    assert [row[0] for row in table.rows] == ["all leads", "1 h ahead", "2 h ahead"]
    assert table.bold_row == 0
    assert {len(row) for row in table.rows} == {len(table.headings)}


def test_figures_are_those_of_the_record_over_all_leads_and_at_each(
    table: Table, members_study: MembersStudy
) -> None:
    own, references = members_study.ensemble, members_study.baseline.members
    mine = own.members["none"]
    offset = members_study.facts.targets.peak.offset
    best = min(references, key=lambda name: references[name].overall.crps)
    for position, row in enumerate(table.rows):
        lead = position - 1
        scores = mine.by_lead[lead] if position else mine.overall
        beside = {
            n: one.by_lead[lead] if position else one.overall for n, one in references.items()
        }
        values = own.judgement.at(lead) if position else own.metrics
        baseline = members_study.baseline.judgement
        rmse = baseline.at(lead)["rmse"] if position else baseline.overall["rmse"]
        expected = [
            f"{scores.crps:.4g}",
            f"{beside['dressed'].crps:.4g}",
            f"{beside['climatology'].crps:.4g}",
            f"{1 - scores.crps / beside[best].crps:.2f}",
            f"{scores.spread / scores.rmse_of_mean:.2f}",
            f"{scores.rmse_of_mean_without_sampling / rmse:.2f}",
            f"{values['gradient'] / values['gradient_observed']:.2f}",
            f"{(values['peak'] - offset) / (values['peak_observed'] - offset):.2f}",
        ]
        assert [cell.replace("\N{MINUS SIGN}", "-") for cell in row[1:]] == expected


def test_headings_name_the_unit_and_the_reference_with_the_lowest_crps(
    table: Table, members_study: MembersStudy
) -> None:
    references = members_study.baseline.members
    best = min(references, key=lambda name: references[name].overall.crps)
    shown = {"dressed": "dressed baseline", "climatology": "climatology"}
    assert table.headings[1] == f"CRPS [{members_study.facts.units}] of trial 1"
    assert table.headings[4] == f"skill over the {shown[best]}"
