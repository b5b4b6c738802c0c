"""``dashboard``: the Optuna dashboard on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Storage, storage_address
from fieldsharp.sweep.commands.printing import say, say_json_line

NAME = "dashboard"
HELP = "Serve the Optuna dashboard on this machine."


def run(
    storage: Storage = DEFAULT_STORAGE,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that is not loopback needs TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    allow_write: Annotated[
        bool, typer.Option("--allow-write", help="Allow notes, deletions and other changes.")
    ] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Do not open a browser window.")
    ] = False,
    certfile: Annotated[
        Path | None, typer.Option(help="Certificate to serve https by, a PEM file.")
    ] = None,
    keyfile: Annotated[
        Path | None, typer.Option(help="Key of the certificate, a PEM file without password.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:PORT]",
            help="Answer to this name too, such as a proxy's; may be given several times.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the link and the token as JSON.")
    ] = False,
) -> None:
    """Serve the dashboard until interrupted, to users of the printed link."""
    from contextlib import nullcontext, suppress

    from fieldsharp.sweep.dashboard.http.tls import load_tls
    from fieldsharp.sweep.dashboard.server import Dashboard, opened_in_browser

    dashboard = Dashboard(
        storage_address(storage),
        host,
        port,
        allow_write=allow_write,
        tls=load_tls(certfile, keyfile),
        allowed_hosts=allow_host or (),
    )
    try:
        link = {"url": dashboard.link, "token": dashboard.token}
        with suppress(KeyboardInterrupt):  # the usual end, however early it comes
            say_json_line(link) if as_json else say(dashboard.link)
            with nullcontext() if no_open else opened_in_browser(dashboard.link):
                dashboard.serve()
    finally:
        dashboard.close()
