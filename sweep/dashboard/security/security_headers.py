"""What the browser is told about every response, whatever the application said."""

import re
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fieldsharp.sweep.dashboard.http.responses import Environ, StartResponse
from fieldsharp.sweep.dashboard.security.auth import is_page

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_POLICY = {
    "default-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""Added to the policy of a page where that says nothing about it."""

_DATA_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""Of everything that is no page: opened on its own it runs nothing and belongs to no origin. The
style is what browsers show a picture with."""

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # not SVG, which has scripts
_KEPT_TYPES = (
    *_PICTURES,
    "application/json",
    "text/plain",
    "text/csv",
    "video/mp4",
    "video/webm",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
)
_UNKNOWN_TYPE = "application/octet-stream"
_DROPPED = ("access-control-", "server", "x-powered-by", "set-cookie")
_KEPT_S = 3600


def secured(start_response: StartResponse) -> StartResponse:
    """Return what sends an answer of the door itself, which no one may keep."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        extra = {**_ALWAYS, "Cache-Control": "no-store"}
        return start_response(status, [*headers, *extra.items()], exc_info)

    return start


def contained(environ: Environ, start_response: StartResponse) -> StartResponse:
    """Return what sends an answer of the application, with no more rights than its kind needs.

    Pages keep their own policy and get the rest of one. Programs and styles of the pages are asked
    for anew each time, since their names stay when they change. Of everything else only pictures
    are shown by the browser; other files, whatever was uploaded, are saved and not opened.
    """
    path = environ.get("PATH_INFO", "")
    of_pages = path.startswith("/static/") or path == "/favicon.ico"
    pages = is_page(environ)

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        found = {
            name.lower(): (name, value)
            for name, value in headers
            if not name.lower().startswith(_DROPPED)
        }

        def put(name: str, value: str) -> None:
            found[name.lower()] = (name, value)

        for name, value in _ALWAYS.items():
            put(name, value)
        put("Cache-Control", "no-store")
        if "location" in found:
            put("Location", _within(found["location"][1]))
        if pages:
            policy = found.get("content-security-policy", ("", ""))[1]
            put("Content-Security-Policy", _completed(policy))
        elif of_pages:
            put("Cache-Control", "private, no-cache")
            put("Content-Security-Policy", _DATA_POLICY)
        else:
            put("Content-Security-Policy", _DATA_POLICY)
            if status[:3] in ("200", "206"):
                _contain_file(found, put, path)
        return start_response(status, list(found.values()), exc_info)

    return start


def _contain_file(found: dict[str, tuple[str, str]], put: Any, path: str) -> None:
    given = found.get("content-type", ("", _UNKNOWN_TYPE))[1]
    kind = given.partition(";")[0].strip().lower()
    if kind not in _KEPT_TYPES:
        kind = _UNKNOWN_TYPE
        put("Content-Type", kind)
    if kind in _PICTURES:
        put("Cache-Control", f"private, max-age={_KEPT_S}")  # its name is of this picture alone
        found.pop("content-disposition", None)
    elif kind != "application/json" or path.startswith("/artifacts/"):
        said = found.get("content-disposition", ("", ""))[1]
        put("Content-Disposition", _attachment(said, path))


def _attachment(said: str, path: str) -> str:
    match = re.search(r"filename\*?=(.*)$", said, re.DOTALL)
    # What WSGI carries as Latin-1 is UTF-8.
    name = match[1].encode("latin-1", "replace").decode("utf-8", "replace") if match else ""
    name = unquote(name.strip().strip("\"'").removeprefix("UTF-8''"))
    name = name or path.rstrip("/").rpartition("/")[2]
    name = "".join(c if c.isprintable() and c not in '/\\"<>|:*?;%' else "_" for c in name)
    name = name.lstrip(". ")[:100] or "file"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'


def _completed(policy: str) -> str:
    said = {part.split()[0].lower() for part in policy.split(";") if part.split()}
    missing = [f"{name} {value}" for name, value in _PAGE_POLICY.items() if name not in said]
    return "; ".join([*(part.strip() for part in policy.split(";") if part.strip()), *missing])


def _within(location: str) -> str:
    """Return where to go on as a path: under which name and scheme is the browser's to know."""
    parts = urlsplit(location)
    return "/" + parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
