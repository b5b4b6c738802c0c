"""Whether a request was made by a page of ours, or by a page of somebody else."""

from fieldsharp.sweep.dashboard.http.responses import Environ, Response, refusal

_OURS = (None, "same-origin", "none")
"""Said by the browser; ``none`` is a person typing or clicking outside of any page. ``same-site``
is not ours: it is any other port of this machine, which another user may listen on."""


def check_origin(environ: Environ) -> Response | None:
    """Return a refusal for what a page of another origin asks; links to pages are followed.

    The header ``Host`` must have been checked: an origin is ours if it is that host.
    """
    origin = environ.get("HTTP_ORIGIN")
    host = environ.get("HTTP_HOST", "").lower()
    if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
        return _refused(environ)
    if environ.get("HTTP_SEC_FETCH_SITE") in _OURS or _follows_a_link(environ):
        return None
    return _refused(environ)


def is_from_elsewhere(environ: Environ) -> bool:
    """Return whether a page of another origin, or a file, brought the browser here."""
    return environ.get("HTTP_SEC_FETCH_SITE") not in _OURS


def _follows_a_link(environ: Environ) -> bool:
    return (
        environ.get("REQUEST_METHOD") in ("GET", "HEAD")
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )


def _refused(environ: Environ) -> Response:
    return refusal(environ, "403 Forbidden", "this was asked for by a page of another origin")
