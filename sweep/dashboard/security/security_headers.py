"""Security headers of every response: content policy, caching, and files saved, not opened."""

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
"""Directives added to a page's own policy where it lacks them."""

_DATA_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""Policy of everything that is not a page: opened on its own it runs nothing and has no origin. The
style is the one browsers show a picture with."""

# Not SVG, which can hold scripts.
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_SENT_TYPES = (
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
_DROPPED_HEADERS = ("access-control-", "server", "x-powered-by", "set-cookie")
_PICTURE_CACHE_S = 3600


def secured(start_response: StartResponse) -> StartResponse:
    """Return a ``start_response`` for responses of the checks, which must not be cached."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        extra = {**_ALWAYS, "Cache-Control": "no-store"}
        return start_response(status, [*headers, *extra.items()], exc_info)

    return start


def contained(environ: Environ, start_response: StartResponse) -> StartResponse:
    """Return a ``start_response`` for the application, with no more rights than each type needs.

    Pages keep their own policy, completed. Scripts and styles of the pages are revalidated each
    time, since their names stay when they change. Of everything else the browser shows pictures
    alone; other files, whatever was uploaded, are saved and not opened.
    """
    path = environ.get("PATH_INFO", "")
    is_asset = path.startswith("/static/") or path == "/favicon.ico"
    is_html = is_page(environ)

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        found = {
            name.lower(): (name, value)
            for name, value in headers
            if not name.lower().startswith(_DROPPED_HEADERS)
        }

        def put(name: str, value: str) -> None:
            found[name.lower()] = (name, value)

        for name, value in _ALWAYS.items():
            put(name, value)
        put("Cache-Control", "no-store")
        if "location" in found:
            # As a path: the browser adds the host and scheme it uses.
            target = urlsplit(found["location"][1])
            query = f"?{target.query}" if target.query else ""
            put("Location", f"/{target.path.lstrip('/')}{query}")
        if is_html:
            policy = found.get("content-security-policy", ("", ""))[1]
            put("Content-Security-Policy", _completed(policy))
        elif is_asset:
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
    if kind not in _SENT_TYPES:
        kind = _UNKNOWN_TYPE
        put("Content-Type", kind)
    if kind in _PICTURES:
        # Its id is of this picture alone.
        put("Cache-Control", f"private, max-age={_PICTURE_CACHE_S}")
        found.pop("content-disposition", None)
    elif kind != "application/json" or path.startswith("/artifacts/"):
        given = found.get("content-disposition", ("", ""))[1]
        put("Content-Disposition", _attachment(given, path))


def _attachment(given: str, path: str) -> str:
    match = re.search(r"filename\*?=(.*)$", given, re.DOTALL)
    # WSGI carries the bytes of UTF-8 as Latin-1.
    name = match[1].encode("latin-1", "replace").decode("utf-8", "replace") if match else ""
    name = unquote(name.strip().strip("\"'").removeprefix("UTF-8''"))
    name = name or path.rstrip("/").rpartition("/")[2]
    name = "".join(c if c.isprintable() and c not in '/\\"<>|:*?;%' else "_" for c in name)
    name = name.lstrip(". ")[:100] or "file"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'


def _completed(policy: str) -> str:
    present = {part.split()[0].lower() for part in policy.split(";") if part.split()}
    missing = [f"{name} {value}" for name, value in _PAGE_POLICY.items() if name not in present]
    return "; ".join([*(part.strip() for part in policy.split(";") if part.strip()), *missing])
