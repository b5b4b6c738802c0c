"""``dashboard``: the Optuna dashboard on this machine."""

from typing import Annotated

import typer

from sweep.commands.options import DEFAULT_STORAGE, Storage, storage_address

NAME = "dashboard"
HELP = "Serve the Optuna dashboard on this machine."


def run(
    storage: Storage = DEFAULT_STORAGE,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    allow_write: Annotated[
        bool, typer.Option("--allow-write", help="Allow notes, deletions and other changes.")
    ] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Do not open a browser window.")
    ] = False,
) -> None:
    """Serve the dashboard until interrupted."""
    import webbrowser

    from sweep.dashboard.server import Dashboard

    dashboard = Dashboard(storage_address(storage), host, port, allow_write=allow_write)
    typer.echo(dashboard.address)
    if not no_open:
        webbrowser.open(dashboard.address)
    dashboard.serve()
