"""The cheroot HTTP server with limits on threads, header sizes and how long a client may take."""

import logging
import re
import ssl
from typing import Any

from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

from fieldsharp.sweep.dashboard.http.responses import data
from fieldsharp.sweep.dashboard.http.timeouts import GRACE_S, Timeouts
from fieldsharp.sweep.dashboard.http.tls import TlsAdapter

THREADS = 32
"""A browser opens six connections at a time, and requests for pictures wait for one another: more
threads answer other requests meanwhile."""

QUEUED_CONNECTIONS = 64
"""Connections that wait for a thread, or to be accepted; any beyond are answered with 503."""

MAX_HEADER_BYTES = 64 * 2**10
"""Request line included: a table of 5 000 trials is requested by their numbers."""

MAX_DRAINED_BYTES = 64 * 2**10
"""A refused body up to this size is read and dropped, so that the client can read the refusal."""

MAX_HEADERS = 100

logger = logging.getLogger(__name__)
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")  # no _: WSGI would read it as -
_LIST_HEADERS = (b"Accept", b"Accept-Encoding", b"Accept-Language", b"Cache-Control", b"Connection")
_COOKIE = b"Cookie"


class HeaderParser(HeaderReader):
    """Reads headers into a dictionary; refuses any that two programs could read differently.

    Cheroot's own reader takes the last of two ``Host`` or ``Content-Length`` headers, joins lines
    that begin with a blank, and lets ``Content_Length`` stand for ``Content-Length``.
    """

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Read up to the empty line.

        Raises:
            ValueError: If a header is malformed or repeated, with the reason.
        """
        headers: dict[bytes, bytes] = {} if hdict is None else hdict
        for _ in range(MAX_HEADERS + 1):
            line = rfile.readline()
            if line == b"\r\n":
                return headers
            if not line.endswith(b"\r\n"):
                raise ValueError("Headers must end in CRLF and an empty line.")
            name, colon, value = line[:-2].partition(b":")
            if not colon or not _HEADER_NAME.fullmatch(name.replace(b"_", b"-")):
                raise ValueError("Illegal header line.")
            if b"_" in name:
                continue
            name, value = name.title(), value.strip(b" \t")
            if any(character < 32 and character != 9 for character in value):
                raise ValueError("Control characters in a header.")
            if name not in headers:
                headers[name] = value
            elif name in _LIST_HEADERS:
                headers[name] += b", " + value
            elif name == _COOKIE:
                headers[name] += b"; " + value
            else:
                raise ValueError("A header occurs twice.")
        raise ValueError("Too many headers.")


class _Request(HTTPRequest):
    header_reader = HeaderParser()

    def send_headers(self) -> None:
        """Send the headers of the response; close the connection if much of the body is unread."""
        unread = getattr(self.rfile, "remaining", 0)
        if b"Transfer-Encoding" in self.inheaders or not 0 <= unread <= MAX_DRAINED_BYTES:
            self.close_connection = True
        super().send_headers()


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: Any, sock: Any, makefile: Any = None) -> None:  # noqa: ARG002
        self._timeouts = Timeouts()
        self._needs_handshake = isinstance(sock, ssl.SSLSocket)
        self.is_new = True
        super().__init__(server, sock, self._timeouts.makefile)

    def communicate(self) -> bool:
        """Answer one request; return whether the connection stays open."""
        self._timeouts.restart()
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
    """Listens on one address; serves ``wsgi_app``, which must be set before ``serve``."""

    ConnectionClass = _Connection
    max_request_header_size = MAX_HEADER_BYTES
    keep_alive_conn_limit = QUEUED_CONNECTIONS

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            (host, port),
            data("503 Service Unavailable", "the dashboard is still starting"),
            numthreads=THREADS,
            max=THREADS,
            server_name="dashboard",  # hides cheroot's name and version
            request_queue_size=QUEUED_CONNECTIONS,
            timeout=int(GRACE_S),
            accepted_queue_size=QUEUED_CONNECTIONS,
            accepted_queue_timeout=0,
        )
        if tls is not None:
            self.ssl_adapter = TlsAdapter(tls)

    def process_conn(self, conn: Any) -> None:
        """Hand a connection to a thread once its first bytes have arrived.

        Cheroot gives a new connection a thread at once, so that ten silent clients hold ten.
        """
        if conn.is_new:
            conn.is_new = False
            self._connections.put(conn)  # type: ignore[attr-defined]
        else:
            super().process_conn(conn)

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Warn of errors; log the rest, mostly clients that left, with ``--debug`` alone."""
        if level >= logging.ERROR:
            logger.warning("the dashboard cannot answer (%s); --debug shows why", msg)
        logger.debug("%s", msg, exc_info=traceback)
