"""The table of ratios, as text."""

from collections.abc import Sequence
from statistics import median

from benchmarks.measurement import Measurement

HEADER = ("part", "what", "ours", "beside", "ours", "beside", "unit", "ratio", "aim", "reached")
TEXT_COLUMNS = (0, 1, 2, 3, 6)


def table(measurements: Sequence[Measurement]) -> str:
    """Return a line for each measurement, and what must be known of some below them."""
    rows = [HEADER, *(_row(measurement) for measurement in measurements)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    lines = [
        "  ".join(
            cell.ljust(width) if i in TEXT_COLUMNS else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    notes = [f"{m.part}, {m.what}: {m.note}" for m in measurements if m.note]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _row(m: Measurement) -> tuple[str, ...]:
    ratios = m.ratios
    spread = f" [{ratios[0]:.2f}-{ratios[-1]:.2f}]" if ratios else ""
    sign = "<=" if m.better == "less" else ">="
    return (
        m.part,
        m.what,
        m.ours,
        m.beside,
        _figure(median(m.ours_values)),
        _figure(median(m.beside_values)),
        m.unit,
        f"{m.ratio:.2f}{spread}",
        "" if m.aim is None else f"{sign} {m.aim:g}",
        {None: "", True: "yes", False: "no"}[m.reached],
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
