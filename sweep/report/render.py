"""Renders a report as an HTML page from sentences, tables, figures and the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fieldsharp.core.printable import printable
from fieldsharp.core.program_name import program_elsewhere
from fieldsharp.objectives.verdicts.verdict import (
    GAMED,
    NOT_CONFIRMED,
    NOTHING_TO_FIX,
    SHARPEN,
    STUCK,
    SUCCESS,
)
from fieldsharp.sweep.report import (
    confirmation_tables,
    figures,
    sentences,
    sentences_of_confirmation,
    sentences_without_training,
    tables,
)
from fieldsharp.sweep.report.figures import Drawing, MapsAtLead
from fieldsharp.sweep.report.formatting import count, number
from fieldsharp.sweep.report.members.figures import MembersFigures, members_figures
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.tables import Table
from fieldsharp.sweep.study.confirmation.records import next_step, shortfall

HERE = Path(__file__).parent
MOODS = {
    SUCCESS: "good",
    SHARPEN: "good",
    NOTHING_TO_FIX: "good",
    NOT_CONFIRMED: "bad",
    STUCK: "bad",
    GAMED: "bad",
}
CONTENTS = (
    ("figures", "Metrics"),
    ("members", "Members"),
    ("without-training", "Without training"),
    ("best", "Best configuration"),
    ("maps", "Maps"),
    ("scales", "Scales and leads"),
    ("search", "The search"),
    ("settings", "Importance of settings"),
    ("guards", "Guards"),
    ("confirmation", "Confirmation"),
    ("cost", "Cost"),
    ("provenance", "Provenance"),
)


@dataclass(frozen=True)
class VariableFigures:
    """What the page shows of every predicted variable."""

    metrics_sentence: str
    test_sentence: str
    metrics: Sequence[Table]
    references_sentence: str
    references: Table | None
    frontier: Sequence[Drawing]
    maps: Sequence[MapsAtLead]
    spectra: Sequence[Drawing]
    leads: Sequence[Drawing]
    members: MembersFigures | None

    @property
    def pictures(self) -> int:
        """Number of pictures."""
        of_maps = sum(len(lead.drawings) for lead in self.maps)
        of_members = self.members.pictures if self.members is not None else 0
        return of_maps + of_members + len(self.frontier) + len(self.spectra) + len(self.leads)


@dataclass(frozen=True)
class VariablePart(VariableFigures):
    """The section of a predicted variable beyond the first.

    Attributes:
        anchor: Of its section.
        verdict: On the trials by this variable alone, a sentence.
    """

    name: str
    anchor: str
    verdict: str


@dataclass(frozen=True)
class ReportPage(VariableFigures):
    """Values that the template inserts: those of the first variable, and what is of the study."""

    contents: Sequence[tuple[str, str]]
    reason: str
    next: str
    chosen: str
    sharpened: str
    confirmed: str
    warnings: Sequence[str]
    newer: str
    added_sentence: str
    settings: Sequence[tuple[str, str]]
    variables: Sequence[VariablePart]
    scores: Table | None
    pictures_note: str
    no_pictures: str
    accused: Sequence[MapsAtLead]
    search: Sequence[Drawing]
    slices: Sequence[Drawing]
    importance_sentence: str
    importance: Table | None
    variants_sentence: str
    variants: Table
    guards_sentence: str
    guards: Table
    comparison_sentence: str
    comparison: Sequence[Table]
    tested_sentence: str
    tested: Sequence[Table]
    confirm_command: str
    cost: Table
    failures: Table | None
    provenance: Table

    @property
    def pictures(self) -> int:
        """Number of pictures on the page."""
        of_maps = sum(len(lead.drawings) for lead in self.accused)
        of_variables = sum(part.pictures for part in self.variables)
        return super().pictures + of_maps + of_variables + len(self.search) + len(self.slices)


def _figures_of(report: Report) -> VariableFigures:
    """Return the figures of the first variable of a report."""
    return VariableFigures(
        metrics_sentence=sentences.metrics_sentence(report),
        test_sentence=sentences_of_confirmation.measured_sentence(report),
        metrics=_known(tables.metrics(report), confirmation_tables.tested_metrics(report)),
        references_sentence=sentences_without_training.references_sentence(report),
        references=tables.without_training(report),
        frontier=figures.frontier(report),
        maps=figures.maps(report),
        spectra=figures.spectra(report),
        leads=figures.leads(report),
        members=members_figures(report),
    )


def _known(*found: Table | None) -> list[Table]:
    return [table for table in found if table is not None]


def _variable_part(report: Report) -> VariablePart:
    unit = f" [{report.units}]" if report.units else ""
    return VariablePart(
        **vars(_figures_of(report)),
        name=f"{report.variable}{unit}",
        anchor=report.names_of_charts.rstrip("-"),
        verdict=f"{sentences.capital(report.verdict.name)}: {report.verdict.reason}.",
    )


def _warnings(report: Report) -> list[str]:
    """Return findings of the confirmation that contradict the verdict."""
    missed = shortfall(report.verdict, report.confirmation)
    return [missed] if missed is not None else []


def lay_out(report: Report) -> ReportPage:
    """Return the sentences, tables and figures of a report."""
    observed = report.validation.observed
    confirmation, newer = report.confirmation, report.newer_trials
    of_first = _figures_of(report)
    has_part = {
        "members": of_first.members is not None,
        "scales": bool(of_first.spectra or of_first.leads),
        "without-training": report.without_training is not None or bool(of_first.frontier),
    }
    contents = [part for part in CONTENTS if has_part.get(part[0], True)]
    variables = [_variable_part(one) for one in report.variables[1:]]
    after = 1 + [name for name, _ in contents].index("maps" if not has_part["scales"] else "scales")
    contents[after:after] = [(part.anchor, part.name) for part in variables]
    return ReportPage(
        **vars(of_first),
        contents=contents,
        reason=f"{sentences.capital(report.verdict.reason)}.",
        next=f"{next_step(report.verdict, report.confirmation)}.",
        chosen=sentences.chosen_sentence(report),
        sharpened=sentences_without_training.sharpened_sentence(report),
        confirmed=f"{sentences.capital(confirmation.sentence)}." if confirmation else "",
        warnings=[f"{sentences.capital(sentence)}." for sentence in _warnings(report)],
        newer=f"{sentences.capital(count(newer, 'trial'))} ended after it.",
        added_sentence=sentences_without_training.added_sentence(report),
        settings=[
            (name, number(value) if isinstance(value, float) else str(value))
            for name, value in (report.chosen.params if report.chosen else {}).items()
        ],
        variables=variables,
        scores=tables.scores(report),
        pictures_note=sentences.pictures_note(observed) if observed is not None else "",
        no_pictures=_no_pictures(report),
        accused=figures.accused_maps(report),
        search=figures.search(report),
        slices=figures.slices(report),
        importance_sentence=sentences.importance_sentence(report),
        importance=tables.importance(report),
        variants_sentence=sentences.variants_sentence(report),
        variants=tables.variants(report),
        guards_sentence=sentences.guards_sentence(report),
        guards=tables.guards(report),
        comparison_sentence=sentences_of_confirmation.comparison_sentence(report),
        comparison=_known(
            confirmation_tables.comparison(report), confirmation_tables.comparison_leads(report)
        ),
        tested_sentence=sentences_of_confirmation.tested_sentence(report),
        tested=_known(
            confirmation_tables.tested_scores(report), confirmation_tables.tested_leads(report)
        ),
        confirm_command=report.confirm_command,
        cost=tables.cost(report),
        failures=tables.failures(report),
        provenance=tables.provenance(report),
    )


def render(report: Report, page: ReportPage) -> str:
    """Return a report as HTML in a single file, without links to other files."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
        # Names from files and databases may hold control characters, shown as escapes.
        finalize=lambda value: printable(value, keep="\n\t") if type(value) is str else value,
    )
    template = environment.get_template("report.html.j2")
    return template.render(
        program=program_elsewhere(),
        report=report,
        page=page,
        mood=MOODS.get(report.verdict.name, "open"),
        style=(HERE / "report.css").read_text(encoding="utf-8"),
    )


def _no_pictures(report: Report) -> str:
    if not report.complete:
        return "No trial is complete yet, so there is no forecast to show."
    return "There are no pictures: no previews of the validation split are stored with the study."
