"""The table of rows as Markdown, for docs/results.md."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.fields.results import ConfirmedFigures, ReferenceFigures, Result, Sharpness
from benchmarks.fields.rows import Row

HEADINGS = (
    "field",
    "right",
    "verdict",
    "is right",
    "baseline",
    "best reference: validation, test",
    "trial confirmed: score",
    "gradient / peak",
    "RMSE",
    "feasible",
    "passes, steps",
    "time",
)
NONE = "-"
THEN = ", then "


def table(rows: Sequence[Row], results: Mapping[str, Result]) -> Iterator[str]:
    """Yield the lines of the table, then why each right verdict is right.

    Args:
        rows: In order; one without a result is left out.
        results: By row.
    """
    shown = [row for row in rows if row.name in results]
    yield _line(HEADINGS)
    yield "|---" * len(HEADINGS) + "|"
    for row in shown:
        yield _line(_cells(row, results[row.name]))
    yield ""
    for row in shown:
        whys = "; ".join(f"*{name}*, {right.why}" for name, right in row.right.items())
        yield f"- {row.name}: {whys}."


def _cells(row: Row, result: Result) -> Iterator[str]:
    yield row.name
    yield " or ".join(row.right)
    yield THEN.join(said.name for said in result.verdicts)
    yield "yes" if row.is_right(result) else "**no**"
    yield _shares(result.baseline)
    yield _reference(result.reference)
    yield from _confirmed(result.confirmed)
    yield f"{result.epochs:,}, {result.steps:,}"
    yield f"{result.seconds / 60:.1f} min"


def _reference(best: ReferenceFigures | None) -> str:
    if best is None:
        return NONE
    broken = "" if best.is_feasible else " (a guard broken)"
    test = NONE if best.test_score is None else f"{best.test_score:.3f}"
    return f"`{best.name}` {best.score:.3f}{broken}, {test}"


def _confirmed(best: ConfirmedFigures | None) -> Iterator[str]:
    if best is None:
        yield from (NONE,) * 4
        return
    name = f"{best.trial}: {best.configuration}" + ("" if best.wins else " (does not win)")
    yield f"{name}: {_figure(best.score)}"
    yield NONE if best.sharpness is None else _shares(best.sharpness)
    yield _figure(best.rmse)
    yield f"{best.feasible} of {best.seeds}"


def _shares(sharpness: Sharpness) -> str:
    return f"{sharpness.gradient:.2f} / {sharpness.peak:.2f}"


def _figure(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _line(cells: Iterator[str] | Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
