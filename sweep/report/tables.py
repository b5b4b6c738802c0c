"""The tables of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fieldsharp.model.registry import NO_TERM
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.targets import Band
from fieldsharp.sweep.pictures.members.names import reference_name
from fieldsharp.sweep.pictures.number_scale import NumberScale, number_scale
from fieldsharp.sweep.report.formatting import (
    UNKNOWN,
    count,
    duration,
    number,
    percent,
    ratio,
    signed_percent,
)
from fieldsharp.sweep.report.model import (
    MEMBERS,
    ComparedForecast,
    Report,
    share,
    shares_of_observed,
)
from fieldsharp.sweep.report.sentences import name_of

Outcomes = Mapping[str, GuardOutcome]
MAX_FAILURES = 50
"""Longest list of failed trials."""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes:
        headings: Of its columns; the first column holds the names of the rows.
        text_columns: Indices of the columns aligned left.
        bold_row: Index of the row in bold.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: Sequence[int] = ()
    bold_row: int | None = None

    @property
    def is_pairs(self) -> bool:
        """Whether it is a list of names and values, without headings."""
        return not any(self.headings)


def scores(report: Report) -> Table | None:
    """Return the scores of each predicted variable, and their means; None where there is one."""
    if not report.variables:
        return None
    results = report.validation.results
    rows = [
        [one.variable, *(number(result.scores[one.variable]) for result in results.values())]
        for one in report.variables
    ]
    verdicts = [report.verdict.variables.get(one.variable) for one in report.variables]
    rows = [
        [*row, verdict.name if verdict is not None else ""]
        for row, verdict in zip(rows, verdicts, strict=True)
    ]
    rows.append(["mean", *(number(r.score) for r in results.values()), report.verdict.name])
    return Table(
        caption="Scores of each variable, validation split",
        headings=["", *(_row_name(report, kind) for kind in results), "verdict by itself"],
        rows=rows,
        text_columns=[len(results) + 1],
        bold_row=len(rows) - 1,
    )


def metrics(report: Report) -> Table | None:
    """Return the metrics of observations, targets and forecasts on the validation split.

    None while no trial is complete.
    """
    split = report.validation
    observed, targets, results = split.observed_metrics, split.targets, split.results
    if not results:
        return None
    gradients = [r.metrics.overall["gradient"] for r in results.values()]
    peaks = [r.metrics.overall["peak"] for r in results.values()]
    errors = [r.metrics.overall["rmse"] for r in results.values()]
    gradient = number_scale([targets.gradient.low, targets.gradient.high, *gradients])
    peak = number_scale([targets.peak.low, targets.peak.high, *peaks])
    error = number_scale(errors)
    lines = []
    if "gradient_observed" in observed:  # a script need not report it
        known = [
            observed["gradient_observed"] * gradient.factor,
            observed["peak_observed"] * peak.factor,
        ]
        lines.append(["observed", *(f"{number(value)} (1)" for value in known), *[""] * 5])
    bands = [
        band_in_words(targets.gradient, gradient.factor, observed.get("gradient_observed")),
        band_in_words(targets.peak, peak.factor, observed.get("peak_observed")),
    ]
    lines.append(["target", *bands, *[""] * 5])
    baseline = results.get("baseline")
    for kind, result in results.items():
        m = result.metrics.overall
        of_gradient, of_peak = shares_of_observed(m, targets.peak.offset)
        of_rmse = share(m["rmse"], baseline.metrics.overall["rmse"]) if baseline else None
        broken = ", ".join(guard.name for guard in result.guards if not guard.ok)
        lines.append(
            [
                _row_name(report, kind),
                f"{number(m['gradient'] * gradient.factor)} ({ratio(of_gradient)})",
                f"{number(m['peak'] * peak.factor)} ({ratio(of_peak)})",
                f"{number(m['rmse'] * error.factor)} ({ratio(of_rmse)})",
                ratio(m.get("skill_persistence")),
                ratio(m.get("anomaly_correlation")),
                number(result.score),
                f"breaks {broken}" if broken else "none broken",
            ]
        )
    windows = report.windows.get("validation")
    of_windows = f", {count(windows, 'window')}" if windows is not None else ""
    return Table(
        caption=f"Validation split{of_windows}, the trainings of the search",
        headings=metric_headings(report, gradient, peak, error),
        rows=lines,
        text_columns=[7],
        bold_row=len(lines) - 1 if "forecast" in results else None,
    )


def metric_headings(
    report: Report, gradient: NumberScale, peak: NumberScale, error: NumberScale
) -> list[str]:
    """Return the headings of a table of forecasts and their metrics on a split."""
    return [
        "",
        f"gradient{gradient.units(report.units, f' {report.per}')} (over observed)",
        f"peak{peak.units(report.units)} (over observed, above the mean)",
        f"RMSE{error.units(report.units)} (over baseline's)",
        "skill",
        "correlation",
        "score",
        "guards",
    ]


def band_in_words(band: Band, factor: float, observed: float | None) -> str:
    """Return the ends of a band, and the same as shares of the observed.

    Args:
        band: Of a target.
        factor: That values are shown multiplied by.
        observed: None where it is not known.
    """
    shares = (
        share(end - band.offset, observed - band.offset) if observed is not None else None
        for end in (band.low, band.high)
    )
    ends = f"{number(band.low * factor)} to {number(band.high * factor)}"
    return f"{ends} ({' to '.join(map(ratio, shares))})"


def _row_name(report: Report, kind: str) -> str:
    """Return the name of a forecast with its sharpener."""
    chosen = report.without_training.chosen if report.without_training else None
    if kind == "forecast" and chosen is not None and chosen.sharpener:
        return f"{name_of(report, kind)} + {chosen.sharpener}"
    return name_of(report, kind)


def without_training(report: Report) -> Table | None:
    """Return the baseline, its references and the chosen trial; None without references."""
    found = report.without_training
    if found is None or not found.references:
        return None
    compared = [found.baseline, *found.references, found.chosen_without, found.chosen]
    shown = [one for one in compared if one is not None]
    has_frontier = any(one.excess is not None for one in shown)
    rows = []
    for one in shown:
        row = [
            _compared_name(report, one),
            number(one.score, 3),
            ratio(one.gradient_share),
            ratio(one.peak_share),
            number(one.rmse_share, 4),
            ratio(one.gradient_correlation),
            ratio(one.fractions_skill),
            ratio(one.threat_score),
            ratio(one.potential_skill),
        ]
        if has_frontier:
            row.append(signed_percent(one.excess))
        broken = ", ".join(one.guards_broken)
        rows.append([*row, f"breaks {broken}" if broken else "none broken"])
    headings = ["", "score", "gradient over observed", "peak over observed, above the mean"]
    headings += ["RMSE over baseline's", "correlation of gradients", "fractions skill of gradients"]
    headings += ["CSI at 99 %", "potential skill"]
    if has_frontier:
        headings.append("RMSE above the frontier")
    headings.append("guards")
    best = next((i for i, one in enumerate(shown) if one is found.reference), None)
    made = "what needs no training" if report.mode == MEMBERS else "what sharpeners make of it"
    caption = f"The baseline, {made}, and the chosen trial, validation split"
    return Table(caption, headings, rows, text_columns=[len(headings) - 1], bold_row=best)


def _compared_name(report: Report, forecast: ComparedForecast) -> str:
    if forecast.kind == "reference":
        return reference_name(forecast.sharpener)
    name = name_of(report, forecast.kind)
    return f"{name} + {forecast.sharpener}" if forecast.sharpener else name


def variants(report: Report) -> Table:
    """Return the scores by loss variant."""
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
    headings = ["loss variant", "can cure blur", "trials", "break no guard", "best score"]
    headings += ["median score", "gradient of the best over observed", "is lowest for"]
    return Table(
        "Trials with a score by loss, validation split", headings, rows, text_columns=[1, 7]
    )


def guards(report: Report) -> Table:
    """Return the outcomes of each guard."""
    kinds = [kind for kind in ("baseline", "forecast") if kind in report.validation.results]
    rows = [
        [
            row.name,
            str(row.broken_by),
            *(_outcome(row.outcomes, kind, at_most=row.at_most) for kind in kinds),
            row.flaw,
        ]
        for row in report.guards
    ]
    names = [name_of(report, kind) for kind in kinds]
    headings = ["guard", "broken by", *names, "flaw of a forecast that breaks it"]
    return Table(
        f"Guards of {count(len(report.complete), 'complete trial')}, validation split, each at "
        "the lead with the least margin",
        headings,
        rows,
        text_columns=[2 + len(kinds)],
    )


def _outcome(outcomes: Outcomes, kind: str, *, at_most: bool) -> str:
    outcome = outcomes.get(kind)
    if outcome is None:
        return UNKNOWN
    sign = "\N{LESS-THAN OR EQUAL TO}" if at_most else "\N{GREATER-THAN OR EQUAL TO}"
    if not outcome.ok:
        sign = ">" if at_most else "<"
    broken = "" if outcome.ok else " broken"
    return f"{number(outcome.value, 3)} {sign} {number(outcome.limit, 3)}{broken}"


def cost(report: Report) -> Table:
    """Return the time and memory that the study spent."""
    spent = report.cost
    states = ", ".join(f"{n} {state.lower()}" for state, n in spent.states.items()) or "none"
    span = UNKNOWN
    if spent.first is not None and spent.last is not None:
        span = duration((spent.last - spent.first).total_seconds())
    rows = [
        ["trials", f"{states}; budget {report.budget}"],
        ["epochs trained", count(spent.epochs, "epoch")],
        ["worker time on trials", duration(spent.seconds)],
        ["worker time on confirmation", duration(spent.confirm_seconds)],
        ["from the start of the first trial to the end of the last", span],
        ["median time of a complete trial", duration(spent.median_seconds)],
        ["largest memory of a worker", f"{spent.peak_memory_mb:.0f} MB"],
        ["device", ", ".join(spent.devices) or UNKNOWN],
        ["precision", ", ".join(spent.precisions) or UNKNOWN],
    ]
    return Table("Time and memory of the study", ["", ""], rows, text_columns=[1])


def failures(report: Report) -> Table | None:
    """Return the reasons of failed trials, None without any."""
    if not report.failures:
        return None
    rows = [[f"trial {trial}", reason] for trial, reason in report.failures.items()]
    return Table("Failed trials", ["", "reason"], rows[:MAX_FAILURES], text_columns=[1])


def importance(report: Report) -> Table | None:
    """Return the importance of each setting, None if it is unknown."""
    if not report.importance.shares:
        return None
    rows = []
    for name, value in report.importance.shares.items():
        common = report.importance.common.get(name)
        choice = (
            f"{common.value} in {common.in_best} of the {report.importance.best} best, in "
            f"{common.in_all} of all {report.importance.trials}"
            if common
            else ""
        )
        rows.append([name, percent(value), choice])
    headings = ["setting", "share", "most frequent among the best"]
    return Table("Importance of each setting", headings, rows, text_columns=[2])


def provenance(report: Report) -> Table:
    """Return the provenance of the study."""
    origin = report.provenance
    windows = ", ".join(f"{n} {part}" for part, n in report.windows.items())
    rows = [
        ["data file", report.data_file],
        ["its SHA-256", origin.data_sha256],
        ["windows", windows],
        ["commit", origin.git_commit],
        ["machine", origin.machine],
        ["versions", ", ".join(f"{name} {v}" for name, v in origin.versions.items())],
        ["report made", report.made.isoformat(sep=" ", timespec="minutes")],
    ]
    return Table("Data, code and machine of the study", ["", ""], rows, text_columns=[1])
