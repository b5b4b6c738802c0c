"""``start``: run a sweep."""

from typing import TYPE_CHECKING, Annotated

import typer

from fieldsharp.sweep.commands.notify import Notify
from fieldsharp.sweep.commands.options import (
    DEFAULT_STORAGE,
    Config,
    Overrides,
    Storage,
    complete_study,
    find_config,
    storage_address,
)

if TYPE_CHECKING:
    from fieldsharp.sweep.configuration.settings import SweepConfig
    from fieldsharp.sweep.study.warm_start import WarmStart

NAME = "start"
HELP = "Run a sweep; a study of that name and configuration is gone on with."


def run(
    config: Config = None,
    study: Annotated[
        str | None, typer.Option(help="Name of the study.", autocompletion=complete_study)
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    trials: Annotated[int | None, typer.Option(help="Trials in the study, all told.")] = None,
    workers: Annotated[int | None, typer.Option(help="Trials at a time.")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Start no trial after this long: 90s, 30m, 2h.")
    ] = None,
    earlier: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Begin with the best configurations of this study, of other data.",
            autocompletion=complete_study,
        ),
    ] = None,
    earlier_storage: Annotated[
        str | None, typer.Option("--from-storage", help="Its database, where that is another.")
    ] = None,
    settings: Overrides = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what went wrong.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where the study stands at the end as JSON.")
    ] = False,
    notify: Notify = None,
) -> None:
    """Run a sweep from the command line."""
    from fieldsharp.fields.files.data_files import DataFiles
    from fieldsharp.sweep.commands.console import wide_console
    from fieldsharp.sweep.configuration.config_file import as_overrides, load_config

    address = storage_address(storage)
    given = {
        "study": study,
        "budget.trials": trials,
        "workers.count": workers,
        "budget.timeout": timeout,
    }
    overrides = as_overrides({name: value for name, value in given.items() if value is not None})
    loaded = load_config(find_config(config), [*(settings or []), *overrides]).config
    warm_start = _warm_start(earlier, earlier_storage, loaded, address)
    console = wide_console(stderr=as_json)
    if console.is_terminal and not quiet:  # reading takes seconds without any other output
        subject = DataFiles.of(loaded.data.path) if loaded.has_data else "the script"
        console.print(f"reading {subject}", markup=False, soft_wrap=True)
    from fieldsharp.sweep.engine.torch_server import start_torch_server

    # Last: torch takes seconds to load, and wrong options are reported before.
    server = start_torch_server(loaded)
    from fieldsharp.sweep.commands.sweep_run import OutputOptions, run_and_show

    output = OutputOptions(quiet, as_json, notify)
    run_and_show(loaded, address, output, warm_start=warm_start, server=server)


def _warm_start(
    earlier: str | None, its_storage: str | None, config: "SweepConfig", address: str
) -> "WarmStart | None":
    """Return the trials to take over from an earlier study, None if none is named."""
    from fieldsharp.core.errors import ConfigError
    from fieldsharp.storage.location.passwords import mask_password

    if earlier is None:
        if its_storage is not None:
            raise ConfigError(
                f"--from-storage is {mask_password(its_storage)} and no study of it is named; add "
                "--from STUDY"
            )
        return None
    from fieldsharp.sweep.study.warm_start_source import choose_warm_start

    if its_storage is not None and mask_password(its_storage) != its_storage:
        raise ConfigError(
            f"--from-storage {mask_password(its_storage)} carries a password, which every user of "
            "this machine could read; keep it in a password file of the database's own"
        )
    return choose_warm_start(earlier, its_storage or address, config, address)
