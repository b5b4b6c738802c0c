"""Training passes until a search reaches a fixed score: this service beside other searches.

    python -m research.search_comparison [CONFIG ...] [--seeds N] [--workers N] [--cache FOLDER]

What is counted, and how, stands in the docstring of ``benchmarks.compute``, which `make bench` runs
too; here data sets, methods, seeds and scores can be chosen, and every search is written to a file.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compute.measuring import METHODS, measure
from benchmarks.measurement import Measurement
from fieldsharp.core.checkout import PROJECT

CONFIGS = PROJECT / "configs"
LENGTH = ("training.epochs=12",)
"""Every search trains as long, whatever it searches by."""
SHORT = ("training.epochs=2",)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a row for every pair and, if asked to, write all of it as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m research.search_comparison", description=(__doc__ or "").splitlines()[0]
    )
    both = [CONFIGS / "quickstart.yaml", CONFIGS / "plumes.yaml"]
    parser.add_argument("configs", nargs="*", type=Path, default=both, metavar="CONFIG")
    parser.add_argument("--seeds", type=int, default=5, help="searches of each method (default 5)")
    parser.add_argument("--cap", type=float, help="full trainings a search may spend")
    parser.add_argument("--targets", nargs="+", type=float, help="scores; else those of the study")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="METHOD")
    parser.add_argument("--workers", type=int, help="searches at a time; default: cores")
    parser.add_argument("--cache", type=Path, help="folder of trainings that are not done again")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--short", action="store_true", help="one seed, two epochs, three trials")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    given = parser.parse_args(arguments)
    found: list[Measurement] = []
    for config in given.configs:
        found += measure(
            config,
            range(1 if given.short else given.seeds),
            overrides=[*LENGTH, *given.set, *(SHORT if given.short else ())],
            targets=given.targets,
            cap=3 if given.short else given.cap,
            methods=given.methods,
            workers=given.workers,
            cache=given.cache,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    for line in map(_row, found):
        print(line)
    if given.json is not None:
        rows = [one.as_json() for one in found]
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _row(one: Measurement) -> str:
    aim = "" if one.aim is None else f", aim {one.aim:.2f}"
    note = f"; {one.note}" if one.note else ""
    return f"{one.what}: {one.ours} / {one.beside} = {one.ratio:.2f}{aim}{note}"


if __name__ == "__main__":
    main()
