"""The dashboard of one database: opens the database and the port, and serves behind its checks."""

import os
import ssl
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from urllib.parse import quote

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.partial_file import open_new
from fieldsharp.core.signals import StopSignals
from fieldsharp.storage.database import check_storage, open_database
from fieldsharp.sweep.dashboard.http.server import HttpServer
from fieldsharp.sweep.dashboard.security.auth import TokenAuth, take_token
from fieldsharp.sweep.dashboard.security.host_and_origin import (
    AllowedHosts,
    check_origin,
    is_every_address,
    is_loopback,
    url_host,
)
from fieldsharp.sweep.dashboard.security.middleware import (
    Check,
    check_path,
    check_size,
    guard,
    quieten,
)
from fieldsharp.sweep.dashboard.security.write_policy import WritePolicy, refuse_writes
from fieldsharp.sweep.dashboard.views.routes import make_app


class Dashboard:
    """Listens once constructed; answers while ``serve`` runs.

    Attributes:
        address: Its URL, such as ``http://127.0.0.1:8080/``.
        token: Required of every request; from the environment, or of this dashboard alone.
        link: The URL with the token.
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
            storage_url: URL of the database, which must exist.
            host: To listen on; one that the network can reach needs TLS.
            port: To listen on; 0 takes a free one.
            allow_write: Whether notes, uploads and other changes are allowed.
            tls: Context with the certificate; None for plain HTTP.
            allowed_hosts: Further host names it answers to, such as a proxy's.

        Raises:
            ConfigError: If the network could read what is sent, the port is taken, a name or the
                token cannot be used, or there is no database.
        """
        _require_private(host, tls, allowed_hosts)
        scheme = "http" if tls is None else "https"
        AllowedHosts(scheme, host, port, allowed_hosts)  # refuses wrong names before opening
        self.token = take_token()
        check_storage(storage_url, "read")  # even with allow_write: the database must exist
        storage = open_database(storage_url, "write" if allow_write else "read")
        quieten()
        app = make_app(storage, storage_url)
        self._server = HttpServer(host, port, tls)
        try:
            self._server.prepare()
        except OSError as error:
            # Cheroot wraps the reason in a list of the addresses it tried.
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
            name = f"{url_host(host)}:{port}"
        self.address = f"{scheme}://{name}/"
        self.link = f"{self.address}?token={quote(self.token)}"

    def serve(self) -> None:
        """Answer until SIGINT or SIGTERM; call from the main thread, or end with ``close``."""
        with StopSignals():
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
            "sent, including the token, so give --certfile and --keyfile, or use 127.0.0.1 and "
            "forward the port, for example with ssh -L"
        )
    if is_every_address(host) and not allowed:
        raise ConfigError(
            f"--host {host} listens on every address, so no link can name it; give the name that "
            "the certificate is for by --allow-host"
        )


@contextmanager
def opened_in_browser(link: str) -> Iterator[None]:
    """Open a link in the browser without showing it to other users; clean up at the end.

    The browser is given a file that only this user can read and that redirects to the link: the
    arguments of a process can be read by everyone.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-dashboard-") as folder:
        file = Path(folder) / "open.html"
        page = (
            '<!DOCTYPE html><meta charset="utf-8"><title>Opening</title>'
            '<meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="refresh" content="0; url={escape(link)}">'
            f'<a href="{escape(link)}">Open the dashboard</a>'
        )
        with os.fdopen(open_new(file), "w", encoding="utf-8") as new:
            new.write(page)
        webbrowser.open(file.as_uri())
        yield
