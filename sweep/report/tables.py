"""The tables of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fieldsharp.model.registry import NO_TERM
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.report.formatting import UNKNOWN, count, duration, number, percent, ratio
from fieldsharp.sweep.report.model import Report, Row, SplitView, share, shares_of_observed
from fieldsharp.sweep.study.confirmation.records import Spread

Outcomes = Mapping[str, GuardOutcome]


@dataclass(frozen=True)
class Table:
    """A table as a page shows it.

    Attributes:
        caption: What it is of.
        headings: Of its columns; the first column names the rows.
        rows: Cells as text.
        words: Columns of words, which are set to the left.
        strong: Row that stands out.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = ()
    strong: int | None = None

    @property
    def is_pairs(self) -> bool:
        """Whether it is a list of names and what they are."""
        return not any(self.headings)


def figures(report: Report, split: SplitView) -> Table:
    """Return what was observed, aimed at and forecast on one split."""
    seen, targets = split.seen, split.targets
    rows = split.rows
    gradients = [r.judgement.overall["gradient"] for r in rows.values()]
    peaks = [r.judgement.overall["peak"] for r in rows.values()]
    errors = [r.judgement.overall["rmse"] for r in rows.values()]
    gradient = number_scale([targets.gradient.low, targets.gradient.high, *gradients])
    peak = number_scale([targets.peak.low, targets.peak.high, *peaks])
    error = number_scale(errors)
    lines = []
    if "gradient_observed" in seen:  # a script need not tell of it
        known = [seen["gradient_observed"] * gradient.factor, seen["peak_observed"] * peak.factor]
        lines.append(["observed", *(f"{number(value)} (1)" for value in known), *[""] * 5])
    aims = []
    for band, size, of in (
        (targets.gradient, gradient, seen.get("gradient_observed")),
        (targets.peak, peak, seen.get("peak_observed")),
    ):
        low, high = (
            share(end - band.offset, of - band.offset) if of is not None else None
            for end in (band.low, band.high)
        )
        ends = f"{number(band.low * size.factor)} to {number(band.high * size.factor)}"
        aims.append(f"{ends} ({ratio(low)} to {ratio(high)})")
    lines.append(["aimed at", *aims, *[""] * 5])
    baseline = rows.get("baseline")
    for kind, row in rows.items():
        m = row.judgement.overall
        of_gradient, of_peak = shares_of_observed(m, targets.peak.offset)
        of_rmse = share(m["rmse"], baseline.judgement.overall["rmse"]) if baseline else None
        lines.append(
            [
                _named(report, kind),
                f"{number(m['gradient'] * gradient.factor)} ({ratio(of_gradient)})",
                f"{number(m['peak'] * peak.factor)} ({ratio(of_peak)})",
                f"{number(m['rmse'] * error.factor)} ({ratio(of_rmse)})",
                ratio(m.get("skill_persistence")),
                ratio(m.get("anomaly_correlation")),
                number(row.score),
                _guards_in_short(row),
            ]
        )
    windows = report.windows.get(split.part)
    of_windows = f", {count(windows, 'window')}" if windows is not None else ""
    return Table(
        caption=f"{split.part.capitalize()} split{of_windows}",
        headings=[
            "",
            f"gradient{gradient.units(report.units, ' per cell')} (share of observed)",
            f"peak{peak.units(report.units)} (share, above the mean)",
            f"RMSE{error.units(report.units)} (over baseline's)",
            "skill",
            "correlation",
            "score",
            "guards",
        ],
        rows=lines,
        words=[7],
        strong=len(lines) - 1 if "forecast" in rows else None,
    )


def _named(report: Report, kind: str) -> str:
    if kind == "baseline":
        return "baseline"
    return f"trial {report.chosen.number}" if report.chosen is not None else kind


def _guards_in_short(row: Row) -> str:
    wrong = [guard.name for guard in row.guards if not guard.ok]
    return f"breaks {', '.join(wrong)}" if wrong else "all hold"


def variants(report: Report) -> Table:
    """Return what came of each loss."""
    rows = [
        [
            row.name + (" (the baseline's)" if row.name == NO_TERM else ""),
            {True: "yes", False: "no", None: "not known"}[row.sharpens],
            str(row.trials),
            str(row.feasible),
            number(row.best, 3),
            number(row.median, 3),
            ratio(row.gradient_share),
            row.optimum,
        ]
        for row in report.variants
    ]
    headings = ["loss variant", "can cure blur", "trials", "within the guards", "best score"]
    headings += ["median score", "gradient share of the best", "is lowest for"]
    return Table("Complete trials by loss, validation split", headings, rows, words=[1, 7])


def guards(report: Report) -> Table:
    """Return what came of each guard."""
    kinds = [kind for kind in ("baseline", "forecast") if kind in report.validation.rows]
    rows = [
        [
            row.name,
            str(row.broken_by),
            *(_outcome(row.outcomes, kind, at_most=row.at_most) for kind in kinds),
            row.words,
        ]
        for row in report.guards
    ]
    named = [_named(report, kind) for kind in kinds]
    headings = ["guard", "broken by", *named, "a forecast that breaks it is wrong in that"]
    return Table(
        f"Guards of {count(len(report.complete), 'complete trial')}, validation split, each at "
        "the lead where it is nearest to breaking",
        headings,
        rows,
        words=[2 + len(kinds)],
    )


def _outcome(outcomes: Outcomes, kind: str, *, at_most: bool) -> str:
    found = outcomes.get(kind)
    if found is None:
        return UNKNOWN
    sign = "\N{LESS-THAN OR EQUAL TO}" if at_most else "\N{GREATER-THAN OR EQUAL TO}"
    if not found.ok:
        sign = ">" if at_most else "<"
    broken = "" if found.ok else " broken"
    return f"{number(found.value, 3)} {sign} {number(found.limit, 3)}{broken}"


def confirmation(report: Report) -> Table | None:
    """Return what new seeds said on the test split, None before confirm was run."""
    kept = report.confirmation
    if kept is None:
        return None
    gradient = number_scale([kept.gradient.high])
    peak = number_scale([kept.peak.high])
    ends = [
        f"{number(band.low * size.factor)} to {number(band.high * size.factor)}"
        for band, size in ((kept.gradient, gradient), (kept.peak, peak))
    ]
    rows = [["aimed at", "", "", "", *ends, "", ""]]
    strong = None
    for trial in kept.trials:
        if trial.trial == kept.winner:
            strong = len(rows)
        rows.append(
            [
                f"trial {trial.trial}" + (" (baseline)" if trial.trial == kept.baseline else ""),
                trial.configuration,
                _spread(trial.score),
                _spread(trial.held_score),
                _spread(trial.gradient, gradient.factor),
                _spread(trial.peak, peak.factor),
                number(trial.rmse_over_baseline, 4),
                f"{trial.feasible} of {len(trial.outcomes)}",
            ]
        )
    headings = ["", "configuration", "score", "held score"]
    headings += [
        f"gradient{gradient.units(report.units, ' per cell')}",
        f"peak{peak.units(report.units)}",
        "RMSE over baseline's",
        "seeds within the guards",
    ]
    seeds = count(len(kept.seeds), "new seed")
    caption = f"Test split, {seeds}: mean \N{PLUS-MINUS SIGN} standard error"
    return Table(caption, headings, rows, words=[1], strong=strong)


def _spread(figure: Spread | None, factor: float = 1.0) -> str:
    if figure is None:
        return UNKNOWN
    if figure.error is None:
        return number(figure.mean * factor)
    return f"{number(figure.mean * factor)} \N{PLUS-MINUS SIGN} {number(figure.error * factor, 2)}"


def cost(report: Report) -> Table:
    """Return what the study took."""
    took = report.cost
    states = ", ".join(f"{n} {state.lower()}" for state, n in took.states.items()) or "none"
    span = UNKNOWN
    if took.first is not None and took.last is not None:
        span = duration((took.last - took.first).total_seconds())
    rows = [
        ["trials", f"{states}; budget {report.budget}"],
        ["epochs trained", count(took.epochs, "epoch")],
        ["workers' time on trials", duration(took.seconds)],
        ["workers' time on confirming", duration(took.confirm_seconds)],
        ["from the first trial's start to the last one's end", span],
        ["median of a complete trial", duration(took.median_seconds)],
        ["most memory of a worker", f"{took.peak_memory_mb:.0f} MB"],
        ["device", ", ".join(took.devices) or UNKNOWN],
        ["precision", ", ".join(took.precisions) or UNKNOWN],
    ]
    return Table("What the study took", ["", ""], rows, words=[1])


def failures(report: Report) -> Table | None:
    """Return why trials failed, None where none did."""
    if not report.failures:
        return None
    rows = [[f"trial {trial}", reason] for trial, reason in report.failures.items()]
    return Table("Failed trials", ["", "reason"], rows[:MOST_FAILURES], words=[1])


MOST_FAILURES = 50
"""More of them say nothing new."""


def importance(report: Report) -> Table | None:
    """Return how much each setting tells the best trials from the rest, None where unknown."""
    if not report.importance.shares:
        return None
    rows = []
    for name, value in report.importance.shares.items():
        common = report.importance.common.get(name)
        most = (
            f"{common.value} in {common.in_best} of the {report.importance.best} best, in "
            f"{common.in_all} of all {report.importance.trials}"
            if common
            else ""
        )
        rows.append([name, percent(value), most])
    headings = ["setting", "share", "most frequent among the best"]
    return Table("Importance of each setting", headings, rows, words=[2])


def provenance(report: Report) -> Table:
    """Return where the study comes from."""
    from_ = report.provenance
    windows = ", ".join(f"{n} {part}" for part, n in report.windows.items())
    rows = [
        ["data file", report.data_file],
        ["its SHA-256", from_.data_sha256],
        ["windows", windows],
        ["commit", from_.git_commit],
        ["machine", from_.machine],
        ["versions", ", ".join(f"{name} {v}" for name, v in from_.versions.items())],
        ["report made", report.made.isoformat(sep=" ", timespec="minutes")],
    ]
    return Table("Where it comes from", ["", ""], rows, words=[1])
