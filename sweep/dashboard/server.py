"""The Optuna dashboard, served on loopback, read-only unless asked otherwise."""

import ipaddress
import signal
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from cheroot.wsgi import Server

from fields.errors import ConfigError
from storage.database import check_storage, open_database
from sweep.dashboard.app import WsgiApp, make_app

READING = ("GET", "HEAD", "OPTIONS")


class Dashboard:
    """Listens as soon as it is made; answers while ``serve`` runs."""

    def __init__(self, storage_url: str, host: str, port: int, *, allow_write: bool) -> None:
        """Open the database and the port.

        Raises:
            ConfigError: If the host is not loopback, the port is taken, or there is no database.
        """
        _require_loopback(host)
        check_storage(storage_url, "read")  # also where writing is allowed: there must be one
        storage = open_database(storage_url, "write" if allow_write else "read")
        app = make_app(storage, storage_url)
        self._server = Server((host, port), app if allow_write else _read_only(app))
        try:
            self._server.prepare()
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host} port {port} ({error}); choose another with --port"
            ) from error
        name = f"[{host}]" if ":" in host else host
        self.address = f"http://{name}:{self._server.bind_addr[1]}/"

    def serve(self) -> None:
        """Answer until SIGINT or SIGTERM; call from the main thread, or end with ``close``."""
        if threading.current_thread() is threading.main_thread():
            # Set by hand: a process started in the background inherits SIGINT as ignored.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, _interrupt)
        try:
            self._server.serve()
        except KeyboardInterrupt:
            self.close()

    def close(self) -> None:
        """Stop answering."""
        self._server.stop()


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _read_only(app: WsgiApp) -> WsgiApp:
    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("REQUEST_METHOD") not in READING:
            start_response("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"reason": "this dashboard is read-only; start it with --allow-write"}']
        return app(environ, start_response)

    return guarded


def _require_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ConfigError(
            f"--host {host} is not a loopback address; anyone on the network could read and change "
            "the studies, so use 127.0.0.1 and forward the port, for example with ssh -L"
        )
