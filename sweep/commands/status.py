"""``status``: the state of a study or of all studies, once or watched."""

import logging
from typing import Annotated

import typer

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.sweep.commands.options import (
    DEFAULT_STORAGE,
    Storage,
    complete_study,
    storage_address,
)

logger = logging.getLogger(__name__)
NAME = "status"
HELP = "Show where a study stands; without a name, all studies."
INTERVAL_S = 2.0


def run(
    study: Annotated[
        str | None, typer.Argument(help="Name of the study.", autocompletion=complete_study)
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Go on showing the study that is being run, until it is not or Ctrl-C."
        ),
    ] = False,
    interval: Annotated[
        float | None,
        typer.Option(min=0.1, help=f"With --watch: seconds between looks, {INTERVAL_S:g}."),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; with --watch a line for every change.")
    ] = False,
) -> None:
    """Show the state of a study."""
    if interval is not None and not watch:
        raise ConfigError("--interval is the time between the looks of --watch; add --watch")
    address = storage_address(storage)
    if watch:
        _watch(study, address, INTERVAL_S if interval is None else interval, as_json=as_json)
    else:
        _show(study, address, as_json=as_json)


def _watch(study: str | None, address: str, interval_s: float, *, as_json: bool) -> None:
    from fieldsharp.storage.database import open_database
    from fieldsharp.sweep.commands.console import wide_console
    from fieldsharp.sweep.commands.watch import running_study, watch
    from fieldsharp.sweep.commands.watch_output import output_for

    database = open_database(address, "read")
    name = study if study is not None else running_study(database, address)
    if name is None:
        logger.info("no study is being run, there is nothing to watch")
        return
    watch(name, database, address, interval_s, output_for(wide_console(), as_json=as_json))


def _show(study: str | None, address: str, *, as_json: bool) -> None:
    from fieldsharp.core.program_name import program
    from fieldsharp.storage.database import open_database
    from fieldsharp.sweep.commands.console import wide_console
    from fieldsharp.sweep.commands.printing import say_json
    from fieldsharp.sweep.commands.status_view import show_status
    from fieldsharp.sweep.study.lookup import load_study, our_studies
    from fieldsharp.sweep.study.status.report import study_status

    database = open_database(address, "read")
    names = [study] if study is not None else our_studies(database)
    found = []
    for name in names:
        try:
            found.append(study_status(load_study(database, name), address))
        except StudyError as error:  # a study of another version: the others are still shown
            if study is not None:
                raise
            logger.warning("study %s cannot be shown: %s", name, error)
    if as_json:
        trees = [status.as_json() for status in found]
        say_json(trees[0] if study is not None else trees)
        return
    console = wide_console()
    for status in found:
        show_status(status, console)
    if not found:
        console.print(f"no studies yet; start one with {program()} start")
