"""The dashboard of one database, behind its door, on one address."""

import ssl
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from urllib.parse import quote

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.signals import StopSignals
from fieldsharp.storage.database import check_storage, open_database
from fieldsharp.sweep.dashboard.http.server import HttpServer
from fieldsharp.sweep.dashboard.security.allowed_hosts import (
    AllowedHosts,
    is_every_address,
    is_loopback,
    written,
)
from fieldsharp.sweep.dashboard.security.auth import TokenAuth, take_token
from fieldsharp.sweep.dashboard.security.csrf import check_origin
from fieldsharp.sweep.dashboard.security.middleware import Check, guard, quieten
from fieldsharp.sweep.dashboard.security.request_limits import check_path, check_size
from fieldsharp.sweep.dashboard.security.write_policy import WritePolicy, refuse_writes
from fieldsharp.sweep.dashboard.views.routes import make_app


class Dashboard:
    """Listens as soon as it is made; answers while ``serve`` runs.

    Attributes:
        address: Where it answers, such as ``http://127.0.0.1:8080/``.
        token: That lets in; from the environment, or of this dashboard alone.
        link: The address with the token.
    """

    def __init__(
        self,
        storage_url: str,
        host: str,
        port: int,
        *,
        allow_write: bool,
        tls: ssl.SSLContext | None = None,
        allowed_hosts: Sequence[str] = (),
    ) -> None:
        """Open the database and the port.

        Args:
            storage_url: Address of the database, which must be there.
            host: To listen on; one that the network can reach needs TLS.
            port: To listen on; 0 takes a free one.
            allow_write: Whether notes, uploads and other changes are let through.
            tls: The certificate to serve by; plain HTTP without.
            allowed_hosts: Further names it answers to, such as a proxy's.

        Raises:
            ConfigError: If the network could read what is sent, the port is taken, a name or the
                token cannot be used, or there is no database.
        """
        _require_private(host, tls, allowed_hosts)
        scheme = "http" if tls is None else "https"
        AllowedHosts(
            scheme, host, port, allowed_hosts
        )  # before anything is opened: names may be wrong
        self.token = take_token()
        check_storage(storage_url, "read")  # also where writing is allowed: there must be one
        storage = open_database(storage_url, "write" if allow_write else "read")
        quieten()
        app = make_app(storage, storage_url)
        self._server = HttpServer(host, port, tls)
        try:
            self._server.prepare()
        except OSError as error:
            # Cheroot wraps the reason in a list of what it tried.
            reason = str(error).rpartition("] ")[2].rstrip(")")
            raise ConfigError(
                f"cannot listen on {host} port {port} ({reason}); choose another with --port"
            ) from error
        port = self._server.bind_addr[1]
        checks: list[Check] = [
            AllowedHosts(scheme, host, port, allowed_hosts).check,
            check_origin,
            check_path,
            TokenAuth(self.token, port, secure=tls is not None).check,
            check_size,
            WritePolicy(storage, storage_url).check if allow_write else refuse_writes,
        ]
        self._server.wsgi_app = guard(app, checks)
        if is_every_address(host):
            name = allowed_hosts[0]
            name = name if ":" in name.rpartition("]")[2] else f"{name}:{port}"
        else:
            name = f"{written(host)}:{port}"
        self.address = f"{scheme}://{name}/"
        self.link = f"{self.address}?token={quote(self.token)}"

    def serve(self) -> None:
        """Answer until SIGINT or SIGTERM; call from the main thread, or end with ``close``."""
        is_main = threading.current_thread() is threading.main_thread()
        with StopSignals() if is_main else nullcontext():
            try:
                self._server.serve()
            except KeyboardInterrupt:
                self.close()

    def close(self) -> None:
        """Stop answering."""
        self._server.stop()


def _require_private(host: str, tls: ssl.SSLContext | None, allowed: Sequence[str]) -> None:
    if is_loopback(host):
        return
    if tls is None:
        raise ConfigError(
            f"--host {host} is not a loopback address; anyone on the network could read what is "
            "sent, the token too, so give --certfile and --keyfile, or use 127.0.0.1 and forward "
            "the port, for example with ssh -L"
        )
    if is_every_address(host) and not allowed:
        raise ConfigError(
            f"--host {host} listens on every address and is none to open; give the name that "
            "the certificate is for by --allow-host"
        )
