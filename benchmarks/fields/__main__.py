"""The command ``python -m benchmarks.fields``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna

from benchmarks.fields import __doc__ as description
from benchmarks.fields.results import RESULTS, Key, Result, add_result, latest, read_results
from benchmarks.fields.rows import ROWS, SHORT_ROWS, Row
from benchmarks.fields.sources import MissingFile, code_sha256, values_sha256
from benchmarks.fields.sweeps import run_row
from benchmarks.fields.table import table
from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import FieldsharpError

FOLDER_VARIABLE = "FIELDS_FOLDER"
DEFAULT_FOLDER = PROJECT.parent / "shared" / "data"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing and print the table.

    Returns:
        0 if the verdict of every row that could be run is right, 1 if one is not or a row failed,
        3 if it was interrupted; wrong use exits with 2.
    """
    given = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = [row for row in (SHORT_ROWS if given.short else ROWS) if row.name in given.rows]
    failed: list[str] = []
    if given.table:
        found = latest(read_results(given.results or RESULTS))
    else:
        with TemporaryDirectory() as temporary:
            # Figures of the short form mean nothing beside the others.
            brief = Path(temporary) / "short.jsonl"
            results = given.results or (brief if given.short else RESULTS)
            try:
                found, failed = run_rows(rows, given.folder, results)
            except KeyboardInterrupt:
                _say("interrupted: the same command goes on with the rows that are left")
                return 3
    print("\n".join(table(rows, found)))
    wrong = [r.name for r in rows if r.name in found and not r.is_right(found[r.name])]
    for name in wrong:
        for said in found[name].verdicts:
            print(f"{name}: {said.name}: {said.reason}; {said.advice}")
    for why in failed:
        print(why)
    return 1 if wrong or failed else 0


def run_rows(
    rows: Sequence[Row], folder: Path, results: Path
) -> tuple[dict[str, Result], list[str]]:
    """Run the rows that have no result of this code, field and setup, one after the other.

    Args:
        rows: In order.
        folder: Of the fields that are not shipped; a row whose field is missing is skipped.
        results: File that each result is added to.

    Returns:
        The results by row, and a sentence for each row that failed.
    """
    done = {result.key: result for result in read_results(results)}
    code = code_sha256()
    found: dict[str, Result] = {}
    failed = []
    for row in rows:
        with TemporaryDirectory(prefix="fields-") as work:
            try:
                path = row.source.path(folder, Path(work))
            except MissingFile as why:
                _say(f"{row.name} is skipped: {why}")
                continue
            key = Key(row.name, row.setup_sha256, code, values_sha256(path))
            if key not in done:
                _say(f"{row.name} ...")
                try:
                    done[key] = run_row(row, path, key, Path(work))
                except FieldsharpError as why:
                    failed.append(f"{row.name} failed: {why}")
                    continue
                add_result(results, done[key])
                _say(f"{row.name}: {done[key].verdicts[-1].name}, {done[key].seconds:.0f} s")
            found[row.name] = done[key]
    return found, failed


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fields", description=description.splitlines()[0]
    )
    names = [row.name for row in ROWS]
    parser.add_argument("--rows", nargs="+", choices=names, default=names, metavar="ROW")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER),
        help=f"fields that are not shipped; by default ${FOLDER_VARIABLE}, else ../shared/data",
    )
    parser.add_argument("--short", action="store_true", help="four rows in small")
    parser.add_argument("--results", type=Path, metavar="FILE", help=f"in place of {RESULTS.name}")
    parser.add_argument("--table", action="store_true", help="run nothing")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
