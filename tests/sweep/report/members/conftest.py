"""The report of a study of ensembles."""

from dataclasses import dataclass

import pytest

from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.report.members_comparison import MembersComparison
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.render import ReportPage, lay_out, render
from tests.sweep.members_study import MembersStudy


@dataclass(frozen=True)
class MembersReport:
    """A report whose chosen trial may be the baseline.

    Attributes:
        report: Its data.
        found: What it has on members.
        page: The same laid out.
        html: As a file.
    """

    report: Report
    found: MembersComparison
    page: ReportPage
    html: str


@pytest.fixture(scope="session")
def members_report(members_study: MembersStudy) -> MembersReport:
    report = collect_report("members", members_study.url)
    assert report.members is not None
    page = lay_out(report)
    return MembersReport(report, report.members, page, render(report, page))
