"""Cheroot's server, with limits: on threads, sizes, and the time a client may take."""

import logging
import ssl
from typing import Any

from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

from fieldsharp.sweep.dashboard.http.header_parser import HeaderParser
from fieldsharp.sweep.dashboard.http.responses import data
from fieldsharp.sweep.dashboard.http.timeouts import GRACE_S, Timeouts
from fieldsharp.sweep.dashboard.http.tls import TlsAdapter

THREADS = 32
"""A browser opens six connections at a time, and pictures that are drawn wait for one another:
others are answered meanwhile."""

WAITING = 64
"""Connections that wait for a thread, or to be accepted; those beyond are told so (503)."""

LARGEST_HEADERS = 64 * 2**10
"""In bytes, with the address: a table of 5 000 trials is asked for by their numbers."""

_READ_OFF = 64 * 2**10
"""A refused body up to this size is read and dropped, so that the refusal can be read in peace."""

logger = logging.getLogger(__name__)


class _Request(HTTPRequest):
    header_reader = HeaderParser()

    def send_headers(self) -> None:
        """Send them; end the connection rather than read a body that nobody wants."""
        unread = getattr(self.rfile, "remaining", 0)
        if b"Transfer-Encoding" in self.inheaders or not 0 <= unread <= _READ_OFF:
            self.close_connection = True
        super().send_headers()


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: Any, sock: Any, makefile: Any = None) -> None:  # noqa: ARG002
        self._pace = Timeouts()
        self._needs_handshake = isinstance(sock, ssl.SSLSocket)
        self.is_new = True
        super().__init__(server, sock, self._pace.makefile)

    def communicate(self) -> bool:
        """Answer one request; return whether the connection stays open."""
        self._pace.restart()
        if self._needs_handshake:
            try:
                self.socket.settimeout(GRACE_S)
                self.socket.do_handshake()
            except OSError as error:  # a scanner, plain HTTP, a certificate that is not trusted
                logger.debug("no TLS with %s: %s", self.remote_addr, error)
                return False
            self._needs_handshake = False
        return bool(super().communicate())  # type: ignore[no-untyped-call]


class HttpServer(Server):
    """Listens on one address; serves ``wsgi_app``, which is to be set before ``serve``."""

    ConnectionClass = _Connection
    max_request_header_size = LARGEST_HEADERS
    keep_alive_conn_limit = WAITING

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            (host, port),
            data("503 Service Unavailable", "the dashboard is not there yet"),
            numthreads=THREADS,
            max=THREADS,
            server_name="dashboard",  # in place of a name and a version
            request_queue_size=WAITING,
            timeout=int(GRACE_S),
            accepted_queue_size=WAITING,
            accepted_queue_timeout=0,
        )
        if tls is not None:
            self.ssl_adapter = TlsAdapter(tls)

    def process_conn(self, conn: Any) -> None:
        """Hand a connection to a thread once something has come over it.

        Cheroot gives a new connection a thread at once, so that ten that say nothing hold ten.
        """
        if conn.is_new:
            conn.is_new = False
            self._connections.put(conn)  # type: ignore[attr-defined]
        else:
            super().process_conn(conn)

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Tell of what should not happen; most of what cheroot says is of clients that left."""
        if level >= logging.ERROR:
            logger.warning("the dashboard cannot answer (%s); --debug shows why", msg)
        logger.debug("%s", msg, exc_info=traceback)
