"""A report as a page: its words, tables and pictures put into the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fieldsharp.core.printable import printable
from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.verdict import GAMED, NOTHING_TO_FIX, STUCK, SUCCESS
from fieldsharp.sweep.report import figures, sentences, tables
from fieldsharp.sweep.report.figures import Drawing, MapsAtLead
from fieldsharp.sweep.report.formatting import count, number
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.tables import Table
from fieldsharp.sweep.study.confirmation.records import next_step, shortfall

HERE = Path(__file__).parent
MOODS = {SUCCESS: "good", NOTHING_TO_FIX: "good", STUCK: "bad", GAMED: "bad"}
CONTENTS = (
    ("figures", "Figures"),
    ("best", "Best configuration"),
    ("maps", "Maps"),
    ("scales", "Scales and leads"),
    ("search", "The search"),
    ("settings", "What matters"),
    ("guards", "Guards"),
    ("confirmation", "Confirmation"),
    ("cost", "Cost"),
    ("provenance", "Provenance"),
)


@dataclass(frozen=True)
class ReportPage:
    """What the template puts onto the page, in its order."""

    contents: Sequence[tuple[str, str]]
    reason: str
    next: str
    chosen: str
    confirmed: str
    beware: Sequence[str]
    newer: str
    figures_sentence: str
    figures: Sequence[Table]
    settings: Sequence[tuple[str, str]]
    pictures_note: str
    fallback: str
    no_pictures: str
    maps: Sequence[MapsAtLead]
    spectra: Sequence[Drawing]
    leads: Sequence[Drawing]
    search: Sequence[Drawing]
    slices: Sequence[Drawing]
    importance_sentence: str
    importance: Table | None
    variants_sentence: str
    variants: Table
    guards_sentence: str
    guards: Table
    confirmation: Table | None
    confirm_command: str
    cost: Table
    failures: Table | None
    provenance: Table

    @property
    def pictures(self) -> int:
        """How many pictures it has."""
        of_maps = sum(len(lead.drawings) for lead in self.maps)
        return of_maps + sum(map(len, (self.spectra, self.leads, self.search, self.slices)))


def _beware(report: Report) -> list[str]:
    """Return what the test split says against the verdict."""
    found = []
    missed = shortfall(report.verdict, report.confirmation)
    if missed is not None:
        found.append(missed)
    about = report.verdict.trial
    is_baseline = any(p.is_baseline and p.number == about for p in report.points)
    is_chosen = report.chosen is not None and report.chosen.number == about
    kind = "baseline" if is_baseline else "forecast" if is_chosen else None
    row = report.test.rows.get(kind) if report.test is not None and kind is not None else None
    wrong = broken(list(row.guards)) if row is not None else []
    if wrong:
        names = ", ".join(guard.name for guard in wrong)
        found.append(f"on the test split trial {about} breaks {names}: {wrong[0].words}")
    return found


def lay_out(report: Report) -> ReportPage:
    """Return the words, tables and pictures of a report."""
    observed = report.pictured.observed
    splits = [split for split in (report.validation, report.test) if split and split.rows]
    kept, newer = report.confirmation, report.newer_trials
    spectra, leads = figures.spectra(report), figures.leads(report)
    there = [part for part in CONTENTS if part[0] != "scales" or spectra or leads]
    return ReportPage(
        contents=there,
        reason=f"{sentences.capital(report.verdict.reason)}.",
        next=f"{next_step(report.verdict, report.confirmation)}.",
        chosen=sentences.chosen_sentence(report),
        confirmed=f"{sentences.capital(kept.sentence)}." if kept else "",
        beware=[f"{sentences.capital(sentence)}." for sentence in _beware(report)],
        newer=f"{sentences.capital(count(newer, 'trial'))} ended after it.",
        figures_sentence=sentences.figures_sentence(report),
        figures=[tables.figures(report, split) for split in splits],
        settings=[(name, _setting(value)) for name, value in _params(report)],
        pictures_note=sentences.pictures_note(observed) if observed is not None else "",
        fallback=_fallback(report),
        no_pictures=_no_pictures(report),
        maps=figures.maps(report),
        spectra=spectra,
        leads=leads,
        search=figures.search(report),
        slices=figures.slices(report),
        importance_sentence=sentences.importance_sentence(report),
        importance=tables.importance(report),
        variants_sentence=sentences.variants_sentence(report),
        variants=tables.variants(report),
        guards_sentence=sentences.guards_sentence(report),
        guards=tables.guards(report),
        confirmation=tables.confirmation(report),
        confirm_command=report.confirm_command,
        cost=tables.cost(report),
        failures=tables.failures(report),
        provenance=tables.provenance(report),
    )


def render(report: Report, page: ReportPage) -> str:
    """Return a report as HTML that needs nothing beside itself."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
        # Names come out of files and databases: what cannot be seen is shown as what it is.
        finalize=lambda value: printable(value, keep="\n\t") if type(value) is str else value,
    )
    template = environment.get_template("report.html.j2")
    return template.render(
        report=report,
        page=page,
        mood=MOODS.get(report.verdict.name, "open"),
        style=(HERE / "report.css").read_text(encoding="utf-8"),
    )


def _params(report: Report) -> list[tuple[str, object]]:
    return list(report.chosen.params.items()) if report.chosen is not None else []


def _setting(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _fallback(report: Report) -> str:
    if report.test is not None:
        return ""
    return (
        "These are of the validation split, which the search was scored on, since the test split "
        "could not be looked at."
    )


def _no_pictures(report: Report) -> str:
    if not report.complete:
        return "No trial is complete yet, so there is no forecast to show."
    return (
        f"There are no pictures: of the test split because {report.why_no_test}, of the validation "
        "split because none are kept with the study."
    )
