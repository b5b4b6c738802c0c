"""``resume``: go on with a study after a stop, a crash, or with a new budget."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.commands.options import DEFAULT_STORAGE, Storage, storage_address

NAME = "resume"
HELP = "Go on with a study: after a stop, a crash, or with a new budget."


def run(
    study: Annotated[str, typer.Argument(help="Name of the study.")],
    trials: Annotated[int | None, typer.Option(help="Trials in the study, all told.")] = None,
    workers: Annotated[int | None, typer.Option(help="Trials at a time.")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Start no trial after this long: 90s, 30m, 2h, none.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data file, where it was moved.")] = None,
    storage: Storage = DEFAULT_STORAGE,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what went wrong.")] = False,
) -> None:
    """Take every unfinished trial up again, under its own number and from its last checkpoint."""
    from sweep.commands.shown import wide_console
    from sweep.study.resuming import resumable

    address = storage_address(storage)
    config = resumable(study, address, trials, workers, timeout, data)
    # Only now: loading torch takes seconds, and a typing error need not wait for it.
    from sweep.commands.sweep_run import run_and_show

    run_and_show(config, address, quiet=quiet, console=wide_console(), must_exist=True)
