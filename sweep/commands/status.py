"""``status``: where a study stands, or which studies there are."""

import logging
from typing import Annotated

import typer

from fields.errors import StudyError
from sweep.commands.options import DEFAULT_STORAGE, Storage, storage_address

logger = logging.getLogger(__name__)
NAME = "status"
HELP = "Show where a study stands; without a name, all studies."


def run(
    study: Annotated[str | None, typer.Argument(help="Name of the study.")] = None,
    storage: Storage = DEFAULT_STORAGE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show where a study stands."""
    import json

    from storage.database import open_database
    from sweep.commands.shown import show_status, wide_console
    from sweep.study.status import study_status
    from sweep.study.studies import load_study, our_studies

    address = storage_address(storage)
    database = open_database(address, "read")
    names = [study] if study is not None else our_studies(database)
    found = []
    for name in names:
        try:
            found.append(study_status(load_study(database, name), address))
        except StudyError as error:  # of another version: the others are shown all the same
            if study is not None:
                raise
            logger.warning("study %s cannot be shown: %s", name, error)
    if as_json:
        trees = [status.as_json() for status in found]
        typer.echo(json.dumps(trees[0] if study is not None else trees, indent=2))
        return
    console = wide_console()
    for status in found:
        show_status(status, console)
    if not found:
        console.print("no studies yet; start one with python run_sweep.py start")
