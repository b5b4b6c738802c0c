"""``resume``: continue a study after a stop, a crash, or with a new budget."""

from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.sweep.commands.notify import Notify
from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Storage, Study, storage_address

NAME = "resume"
HELP = "Go on with a study: after a stop, a crash, or with a new budget."


def run(
    study: Study,
    trials: Annotated[int | None, typer.Option(help="Trials in the study, all told.")] = None,
    workers: Annotated[int | None, typer.Option(help="Trials at a time.")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Start no trial after this long: 90s, 30m, 2h, none.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data file, where it was moved.")] = None,
    storage: Storage = DEFAULT_STORAGE,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what went wrong.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where the study stands at the end as JSON.")
    ] = False,
    notify: Notify = None,
) -> None:
    """Continue every unfinished trial under its own number, from its last checkpoint."""
    from fieldsharp.sweep.study.resume import resumable

    address = storage_address(storage)
    config = resumable(study, address, trials, workers, timeout, data)
    from fieldsharp.sweep.engine.torch_server import start_torch_server

    # Last: torch takes seconds to load, and wrong options are reported before.
    server = start_torch_server(config)
    from fieldsharp.sweep.commands.sweep_run import OutputOptions, run_and_show

    output = OutputOptions(quiet, as_json, notify)
    run_and_show(config, address, output, must_exist=True, server=server)
