"""WSGI middleware: runs every check before the application, and logs failures without a trace."""

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import optuna

from fieldsharp.core.printable import printable
from fieldsharp.sweep.dashboard.http.responses import (
    Environ,
    Response,
    StartResponse,
    WsgiApp,
    data,
    refusal,
)
from fieldsharp.sweep.dashboard.security.security_headers import contained, secured

Check = Callable[[Environ], Response | None]
"""Returns the response to send instead of the application's, or None to let a request pass."""

MAX_BODY_BYTES = 32 * 2**20
"""Only an uploaded file comes near: it is sent as text, a third larger than it is, and held in
memory several times over while it is stored."""
MAX_LENGTH_DIGITS = 18
"""Of the header ``Content-Length``; ``int`` refuses very long numbers."""

logger = logging.getLogger(__name__)

_CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_COOKIE")
_FORWARDED = ("HTTP_X_FORWARDED_", "HTTP_FORWARDED", "HTTP_X_SCRIPT_NAME")
"""Headers of a proxy, which anyone can send: the application would build links from them."""


def guard(app: WsgiApp, checks: Sequence[Check]) -> WsgiApp:
    """Return an application behind checks: the first response that a check returns is sent."""

    def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            for check in checks:
                response = check(environ)
                if response is not None:
                    return response(environ, secured(start_response))
            start = _logging_failures(environ, contained(environ, start_response))
            return app(_without_credentials(environ), start)
        except Exception:
            _log_failure(environ)
            logger.debug("the traceback of this failure:", exc_info=True)
            failed = data("500 Internal Server Error", "internal server error")
            return failed(environ, secured(start_response))

    return guarded


def check_path(environ: Environ) -> Response | None:
    """Return a refusal for a path that is not plain text in UTF-8.

    The application would drop the bytes it cannot decode, and so see another path than the checks.
    """
    try:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode()  # WSGI: bytes as Latin-1
    except UnicodeDecodeError:
        path = "\0"
    if any(ord(character) < 32 for character in path):
        return refusal(environ, "400 Bad Request", "the path is not plain text in UTF-8")
    return None


def check_size(environ: Environ) -> Response | None:
    """Return a refusal for a body that is too large or sent without its length.

    Checked before any of the body is read; the pages always send the length.
    """
    if "HTTP_TRANSFER_ENCODING" in environ:
        return refusal(environ, "411 Length Required", "send the length of the body ahead of it")
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):  # int() accepts -1, which reads without end
        return refusal(environ, "400 Bad Request", "the length of the body is not a number")
    if len(length) > MAX_LENGTH_DIGITS or int(length) > MAX_BODY_BYTES:
        return refusal(
            environ,
            "413 Content Too Large",
            f"the body has {length[:MAX_LENGTH_DIGITS]} bytes, and the limit is {MAX_BODY_BYTES}",
        )
    return None


def quieten() -> None:
    """Have the application log tracebacks only with ``--debug``; failures are logged in a line."""
    # Optuna logs the names of studies unescaped, which may hold terminal control sequences.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not logger.isEnabledFor(logging.DEBUG):
        logging.getLogger("optuna_dashboard").setLevel(logging.CRITICAL)


def _logging_failures(environ: Environ, start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if status.startswith("5"):
            _log_failure(environ)
        return start_response(status, headers, exc_info)

    return start


def _log_failure(environ: Environ) -> None:
    logger.warning("the dashboard cannot answer %s; --debug shows why", _loggable(environ))


def _without_credentials(environ: Environ) -> Environ:
    """Return a request for the application: without credentials and headers of proxies."""
    passed = {
        name: value
        for name, value in environ.items()
        if name not in _CREDENTIALS and not name.startswith(_FORWARDED)
    }
    passed.setdefault("HTTP_ACCEPT_ENCODING", "identity")  # the dashboard fails without one
    if "HTTP_AUTHORIZATION" in environ and environ.get("PATH_INFO") == "/":
        passed["PATH_INFO"] = "/dashboard"  # a script gets the page, and no redirect to follow
    passed["wsgi.errors"] = _ErrorLog(_loggable(environ))
    return passed


def _loggable(environ: Environ) -> str:
    """Return method and path for the log, without the query, which may hold a token."""
    return printable(f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}")


class _ErrorLog(io.TextIOBase):
    """The stream the application writes tracebacks to; they are logged only with ``--debug``."""

    def __init__(self, request: str) -> None:
        self._request = request

    def write(self, text: str) -> int:
        """Log a traceback."""
        if text.strip():
            logger.debug("%s: %s", self._request, text)
        return len(text)
