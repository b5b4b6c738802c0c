"""Responses of the checks: JSON for scripts, a page for people."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = tuple[tuple[str, str], ...]

READING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 12vh auto; padding: 0 1rem }
h1 { font-size: 1.4rem }
code { background: #8883; padding: .1em .3em; border-radius: 3px }
input, button { font: inherit; padding: .4rem .6rem }
form { display: flex; gap: .5rem; flex-wrap: wrap }
input { flex: 1 1 16rem }
"""


@dataclass(frozen=True)
class Response:
    """One complete response; a WSGI application that always returns it.

    Attributes:
        body: Not sent for ``HEAD``.
    """

    status: str
    content_type: str
    body: bytes
    headers: Headers = ()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response."""
        start_response(
            self.status,
            [
                ("Content-Type", self.content_type),
                ("Content-Length", str(len(self.body))),
                *self.headers,
            ],
        )
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [self.body]


def wants_page(environ: Environ) -> bool:
    """Return whether a browser asks for a page."""
    return "text/html" in environ.get("HTTP_ACCEPT", "")


def page(status: str, title: str, content: str, head: str = "", headers: Headers = ()) -> Response:
    """Return a page without scripts or anything from another origin.

    ``content``, below the title, and ``head`` are HTML; ``title`` is plain text.
    """
    html = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{head}</head>"
        f"<body><h1>{escape(title)}</h1>{content}</body></html>"
    )
    headers = (("Content-Security-Policy", PAGE_POLICY), *headers)
    return Response(status, "text/html; charset=utf-8", html.encode(), headers)


def data(status: str, reason: str, headers: Headers = ()) -> Response:
    """Return a response for a script: JSON with the key of the dashboard's own errors."""
    body = json.dumps({"reason": reason}).encode()
    return Response(status, "application/json", body, headers)


def refusal(environ: Environ, status: str, reason: str) -> Response:
    """Return the response to a refused request: a page for a browser, else JSON."""
    if wants_page(environ):
        return page(status, "Request refused", f"<p>{escape(reason[0].upper() + reason[1:])}.</p>")
    return data(status, reason)
