"""``stop``: have a running study checkpoint its trials, pause and exit."""

from typing import Annotated

import typer

from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Json, Storage, Study, storage_address
from fieldsharp.sweep.commands.printing import say, say_json

NAME = "stop"
HELP = "Stop a running study: its trials finish their epoch, and resume goes on from there."


def run(
    study: Study,
    storage: Storage = DEFAULT_STORAGE,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for the epoch that is trained.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop the coordinator of a study and wait until it has ended."""
    from fieldsharp.storage.database import open_database
    from fieldsharp.sweep.study.lookup import load_study
    from fieldsharp.sweep.study.stop import stop_study

    address = storage_address(storage)
    load_study(open_database(address, "read"), study)  # refuses an unknown name
    stopped = stop_study(address, study, at_once=now)
    if as_json:
        say_json({"study": study, "was_run": stopped.was_run, "note": stopped.sentence})
    else:
        say(stopped.sentence)
