"""The door: what is looked at before a request reaches the application, in this order."""

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import optuna

from fieldsharp.core.printable import printable
from fieldsharp.sweep.dashboard.http.responses import Environ, Response, StartResponse, data
from fieldsharp.sweep.dashboard.security.security_headers import contained, secured
from fieldsharp.sweep.dashboard.views.routes import WsgiApp

Check = Callable[[Environ], Response | None]
"""Returns what is answered instead of the application, or nothing."""

logger = logging.getLogger(__name__)

_NOT_HANDED_ON = ("HTTP_AUTHORIZATION", "HTTP_COOKIE")
_FORWARDED = ("HTTP_X_FORWARDED_", "HTTP_FORWARDED", "HTTP_X_SCRIPT_NAME")
"""Said by a proxy, or by anyone: the application would build links from it."""


def guard(app: WsgiApp, checks: Sequence[Check]) -> WsgiApp:
    """Return the application behind a door.

    Args:
        app: What answers every request that was let in.
        checks: Asked in this order; the first answer is the answer.
    """

    def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            for check in checks:
                answer = check(environ)
                if answer is not None:
                    return answer(environ, secured(start_response))
            told = _told(environ, contained(environ, start_response))
            return app(_handed_on(environ), told)
        except Exception:
            _tell(environ)
            logger.debug("where it happened", exc_info=True)
            failed = data("500 Internal Server Error", "internal server error")
            return failed(environ, secured(start_response))

    return guarded


def quieten() -> None:
    """Have the application log traces for ``--debug`` alone; failures are told in a sentence."""
    # It says the names of studies as they are, which may hold what drives a terminal.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not logger.isEnabledFor(logging.DEBUG):
        logging.getLogger("optuna_dashboard").setLevel(logging.CRITICAL)


def _told(environ: Environ, start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if status.startswith("5"):
            _tell(environ)
        return start_response(status, headers, exc_info)

    return start


def _tell(environ: Environ) -> None:
    logger.warning("the dashboard cannot answer %s; --debug shows why", _named(environ))


def _handed_on(environ: Environ) -> Environ:
    """Return what the application is told: nothing that lets anyone in, or leads elsewhere."""
    handed = {
        name: value
        for name, value in environ.items()
        if name not in _NOT_HANDED_ON and not name.startswith(_FORWARDED)
    }
    handed.setdefault("HTTP_ACCEPT_ENCODING", "identity")  # the dashboard fails without one
    if "HTTP_AUTHORIZATION" in environ and environ.get("PATH_INFO") == "/":
        handed["PATH_INFO"] = "/dashboard"  # a script gets the page, and no redirect to follow
    handed["wsgi.errors"] = _Traces(_named(environ))
    return handed


def _named(environ: Environ) -> str:
    """Return a request as it may stand in a log: without its query, which may have a token."""
    return printable(f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}")


class _Traces(io.TextIOBase):
    """Where the application writes traces of its errors: no one is to see those unasked."""

    def __init__(self, request: str) -> None:
        self._request = request

    def write(self, text: str) -> int:
        """Keep a trace for ``--debug``."""
        if text.strip():
            logger.debug("%s: %s", self._request, text)
        return len(text)
