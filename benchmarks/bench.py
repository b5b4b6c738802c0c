"""Every claim of speed as a ratio, in one table: ours beside what a user would take instead.

    python -m benchmarks.bench [--parts PART ...] [--short] [--results FILE]

Each line sets two figures side by side that were measured in turn on this machine: their medians,
the ratio of these, and the least and the most ratio of a pair. The parts:

    throughput   trials an hour at equal epochs, beside a plain script
    overhead     what a trial costs beside its training, beside plain Optuna on SQLite
    step         a training step of each predictor, beside a plain eager loop; share of the peak
    memory       of a worker, beside the plain script's process
    compute      sample passes to reach a fixed score, beside other searches

What was measured is written to ``benchmarks/results/latest.json``: a part that is run again
replaces its own lines there. ``--short`` runs a form of seconds, whose figures mean nothing and are
written only where ``--results`` says so.
"""

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import optuna

from benchmarks.machine import machine, versions
from benchmarks.measurement import Measurement, table
from fieldsharp.sweep.study.provenance import git_commit

PARTS = {
    "throughput": "benchmarks.throughput",
    "overhead": "benchmarks.overhead",
    "step": "benchmarks.training_step",
    "memory": "benchmarks.worker_memory",
    "compute": "benchmarks.compute_part",
}
"""Modules, each with a function ``measure``; one is loaded when its turn comes."""
LATEST = Path(__file__).resolve().parent / "results" / "latest.json"


class Measure(Protocol):
    """Measures a part."""

    def __call__(self, *, short: bool) -> list[Measurement]:
        """Return its lines.

        Args:
            short: Whether it is only to be seen that it works.
        """


def load_part(name: str) -> Measure:
    """Return what measures a part."""
    measure: Measure = importlib.import_module(PARTS[name]).measure
    return measure


def run_parts(
    names: Sequence[str],
    *,
    short: bool,
    results: Path | None,
    load: Callable[[str], Measure] = load_part,
) -> tuple[list[Measurement], list[str]]:
    """Measure some parts, one after the other, and keep what each came to at once.

    Args:
        names: The parts.
        short: Whether it is only to be seen that they work.
        results: File to write them to, None for none.
        load: From the name of a part to what measures it.

    Returns:
        The lines, and the names of the parts that failed.
    """
    lines: list[Measurement] = []
    failed: list[str] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        began = time.perf_counter()
        try:
            measured = load(name)(short=short)
        except Exception:  # noqa: BLE001 - hours of the other parts must not be lost with it
            traceback.print_exc()
            failed.append(name)
            continue
        seconds = time.perf_counter() - began
        print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
        lines += measured
        if results is not None:
            write_part(results, name, measured, seconds)
    return lines, failed


def write_part(path: Path, part: str, measurements: Sequence[Measurement], seconds: float) -> None:
    """Put the lines of a part in place of those it had; the others stay.

    Args:
        path: The file; made if it is missing.
        part: Name of the part.
        measurements: Its lines.
        seconds: How long it took.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = {"date": now, "commit": git_commit(), "machine": machine(), "versions": versions()}
    # What another part was measured with may differ: each carries its own.
    measured = {**where, "seconds": round(seconds, 1)}
    lines = [measurement.as_json() for measurement in measurements]
    parts = read_parts(path) | {part: {**measured, "measurements": lines}}
    text = json.dumps({**where, "parts": parts}, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.new")
    half.write_text(text + "\n", encoding="utf-8")
    half.replace(path)


def read_parts(path: Path) -> dict[str, Any]:
    """Return the parts of a file, none where it is missing."""
    try:
        parts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["parts"]
    except FileNotFoundError:
        return {}
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write it down; 1 where a part failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--short", action="store_true", help="only see that it works")
    parser.add_argument("--results", type=Path, metavar="FILE", help=f"in place of {LATEST.name}")
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    results: Path | None = given.results or (None if given.short else LATEST)
    lines, failed = run_parts(given.parts, short=given.short, results=results)
    print(_heading(machine()))
    print(table(lines))
    for name in failed:
        print(f"{name} failed: its error is above, its earlier lines stay as they were")
    return 1 if failed else 0


def _heading(found: Mapping[str, Any]) -> str:
    gpu = found["cuda"] or found["cuda_note"]
    return f"{found['cpu']}, {found['cores']} cores, {found['memory_gb']} GB; {gpu}"


if __name__ == "__main__":
    raise SystemExit(main())
