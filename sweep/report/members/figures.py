"""What a report shows of the members of an ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fieldsharp.sweep.pictures.maps import one_map
from fieldsharp.sweep.pictures.members.maps import member_panels
from fieldsharp.sweep.pictures.members.names import ensemble_name
from fieldsharp.sweep.pictures.members.rank_histogram import (
    FORECAST,
    REFERENCE,
    largest_share,
    one_rank_histogram,
)
from fieldsharp.sweep.pictures.members.reliability import event_name, one_reliability
from fieldsharp.sweep.pictures.members.spread import SPREAD, one_of_leads, spread_lines
from fieldsharp.sweep.pictures.style import PAGE
from fieldsharp.sweep.report import sentences
from fieldsharp.sweep.report.figures import Drawing, MapsAtLead, chart, png
from fieldsharp.sweep.report.members.sentences import (
    maps_sentence,
    members_sentences,
    rank_sentence,
    reliability_sentence,
    spread_sentence,
)
from fieldsharp.sweep.report.members.table import members_table
from fieldsharp.sweep.report.members_comparison import MembersComparison
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.tables import Table


@dataclass(frozen=True)
class MembersFigures:
    """The section of the page, of one variable.

    Attributes:
        maps: At the first and the last lead; none without previews.
        ranks: Rank histograms.
        events: Reliability of each event, and the spread by lead.
    """

    sentences: Sequence[str]
    table: Table
    maps: Sequence[MapsAtLead]
    ranks: Sequence[Drawing]
    events: Sequence[Drawing]

    @property
    def pictures(self) -> int:
        """Number of pictures."""
        return sum(len(lead.drawings) for lead in self.maps) + len(self.ranks) + len(self.events)


def members_figures(report: Report) -> MembersFigures | None:
    """Return the section on members; None where a report has none."""
    found = report.members
    if found is None:
        return None
    return MembersFigures(
        sentences=members_sentences(found, report.units),
        table=members_table(found, report.units),
        maps=_maps(found),
        ranks=_ranks(found, report.names_of_charts),
        events=[*_events(found, report), *_spread(found, report.names_of_charts)],
    )


def _maps(found: MembersComparison) -> list[MapsAtLead]:
    observed, members = found.observed, found.preview
    if observed is None or members is None:
        return []
    return [
        MapsAtLead(
            sentences.map_title(observed, lead),
            maps_sentence(members.count),
            [
                png(
                    title,
                    sentences.map_alt(title, panel, observed, lead),
                    partial(one_map, observed, panel),
                )
                for title, panel in member_panels(observed, members, lead, titled=False).items()
            ],
        )
        for lead in range(len(observed.leads))
    ]


def _ranks(found: MembersComparison, names_of_charts: str) -> list[Drawing]:
    ensembles = {found.name: found.result.overall} | {
        ensemble_name(name): one.overall for name, one in found.references.items()
    }
    most = largest_share(ensembles)
    return [
        chart(
            f"{names_of_charts}ranks-{position}",
            f"Rank histogram of {name}",
            rank_sentence(scores),
            one_rank_histogram(name, scores, REFERENCE if position else FORECAST, most, PAGE),
        )
        for position, (name, scores) in enumerate(ensembles.items())
    ]


def _events(found: MembersComparison, report: Report) -> list[Drawing]:
    return [
        chart(
            f"{report.names_of_charts}event-{position}",
            f"Reliability, {event_name(event, report.units)}",
            reliability_sentence(event, report.variable, report.units),
            one_reliability(event, report.units, found.name, PAGE),
        )
        for position, event in enumerate(found.result.overall.events)
    ]


def _spread(found: MembersComparison, names_of_charts: str) -> list[Drawing]:
    observed, by_lead = found.observed, found.result.by_lead
    if observed is None:
        return []
    return [
        chart(
            f"{names_of_charts}spread",
            f"{SPREAD} by lead",
            spread_sentence(by_lead, observed.ahead),
            one_of_leads(SPREAD, spread_lines(found.result), observed, PAGE),
        )
    ]
