"""``start``: run a sweep."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fields.errors import BadInput
from sweep.commands.options import (
    DEFAULT_CONFIG,
    DEFAULT_STORAGE,
    Storage,
    find_config,
    storage_address,
)

if TYPE_CHECKING:
    from optuna.study import Study

logger = logging.getLogger(__name__)
NAME = "start"
HELP = "Run a sweep; a study of that name and configuration is gone on with."


def run(
    config: Annotated[Path, typer.Argument(help="YAML file.")] = DEFAULT_CONFIG,
    study: Annotated[str | None, typer.Option(help="Name of the study.")] = None,
    storage: Storage = DEFAULT_STORAGE,
    trials: Annotated[int | None, typer.Option(help="Trials in the study, all told.")] = None,
    workers: Annotated[int | None, typer.Option(help="Trials at a time.")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Start no trial after this long: 90s, 30m, 2h.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting, as key.path=value; may be repeated."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what went wrong.")] = False,
) -> None:
    """Run a sweep from the command line."""
    import json

    from objectives.verdict import PROMISING
    from storage.database import open_database
    from sweep.commands.shown import show_result, wide_console
    from sweep.configuration.config_file import load_config

    address = storage_address(storage)
    given = {
        "study": study,
        "budget.trials": trials,
        "workers.count": workers,
        "budget.timeout": timeout,
    }
    # Quoted, as JSON is YAML: a study may be called 123 or true.
    overrides = [
        f"{key}={json.dumps(v, ensure_ascii=False)}" for key, v in given.items() if v is not None
    ]
    loaded = load_config(find_config(config), [*(settings or []), *overrides]).config
    console = wide_console()
    if console.is_terminal and not quiet:  # a person should not look at an empty screen
        console.print(f"reading {loaded.data.path}", markup=False, soft_wrap=True)
    # Only now: loading torch takes seconds, and a typing error need not wait for it.
    from sweep.running.progress import make_progress
    from sweep.running.sweeping import run_sweep
    from sweep.study.status import study_status
    from sweep.study.studies import load_study

    run_sweep(
        loaded,
        address,
        lambda name, targets, units: make_progress(
            name, targets, units, quiet=quiet, console=console
        ),
    )
    finished = load_study(open_database(address, "read"), loaded.study)
    status = study_status(finished, address)
    if not quiet:
        show_result(status, address, console)
    if status.verdict.name == PROMISING:
        _write_follow_up(finished, address)


def _write_follow_up(study: "Study", address: str) -> None:
    """Leave the narrowed search behind."""
    from storage.database import database_errors
    from sweep.results.follow_up import FILE, render_follow_up, write_follow_up

    try:
        with database_errors(address):
            text = render_follow_up(study, study.get_trials(deepcopy=False))
        write_follow_up(text, Path(FILE))
        logger.info("the narrowed search is written to %s", FILE)
    except BadInput as error:  # the sweep is done all the same
        logger.warning("no %s was written: %s", FILE, error)
