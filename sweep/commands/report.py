"""``report``: one HTML file of a study, to read and to send on."""

from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Json, Storage, Study, storage_address
from fieldsharp.sweep.commands.printing import say, say_json

NAME = "report"
HELP = "Write a study as one HTML file that needs no network."


def run(
    study: Study,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; by default STUDY-report.html.")
    ] = None,
    trial: Annotated[int | None, typer.Option(help="Another trial than the best.")] = None,
    storage: Storage = DEFAULT_STORAGE,
    as_json: Json = False,
) -> None:
    """Write a report."""
    from fieldsharp.sweep.report.build import default_path, make_report

    made = make_report(study, storage_address(storage), output or default_path(study), trial)
    if as_json:
        facts = {
            "report": str(made.path),
            "bytes": made.size,
            "pictures": made.pictures,
            "verdict": made.verdict,
            "test_split": made.test_split,
        }
        say_json(facts)
        return
    missing = f"without the test split: {made.why_no_test}"
    split = "with the test split as confirm read it" if made.test_split else missing
    say(
        f"report of {study} ({made.verdict}), {made.pictures} pictures, "
        f"{made.size / 1e6:.1f} MB, written to {made.path}, {split}"
    )
