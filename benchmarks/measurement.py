"""One line of the table of benchmarks: two figures that were measured in turn, and their spread."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A ratio of two figures that were measured in turn on one machine.

    Attributes:
        part: Which part of the benchmark: compute, throughput, overhead, step or memory.
        what: What is measured, such as ``quickstart to 0.05``.
        ours: What of ours, such as ``promotion``.
        beside: What it is measured beside, such as ``plain TPE + median``.
        unit: Of the two figures, such as ``sample passes``.
        ours_values: Every figure of ours.
        beside_values: Every figure of the other.
        better: Whether ``less`` or ``more`` is better.
        aim: What ``ratio`` is to reach; None where there is no aim.
        note: What a reader must know, such as how many runs did not arrive.
        details: Further figures, for the file alone.
    """

    part: str
    what: str
    ours: str
    beside: str
    unit: str
    ours_values: Sequence[float]
    beside_values: Sequence[float]
    better: str = "less"
    aim: float | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Median of ours over median of the other."""
        return median(self.ours_values) / median(self.beside_values)

    @property
    def reached(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        if self.aim is None:
            return None
        return self.ratio <= self.aim if self.better == "less" else self.ratio >= self.aim

    @property
    def ratios(self) -> list[float]:
        """Return the ratio of each pair that was measured in turn, from the least to the most."""
        pairs = zip(self.ours_values, self.beside_values, strict=False)
        return sorted(a / b for a, b in pairs if b)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON, with the ratio and its spread."""
        ratios = self.ratios
        return {
            **asdict(self),
            "ours_values": list(self.ours_values),
            "beside_values": list(self.beside_values),
            "ours_median": median(self.ours_values),
            "beside_median": median(self.beside_values),
            "ratio": self.ratio,
            "ratio_least": ratios[0] if ratios else None,
            "ratio_most": ratios[-1] if ratios else None,
            "reached": self.reached,
        }


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
