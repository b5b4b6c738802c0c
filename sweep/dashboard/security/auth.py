"""Authentication by a token: in a header, in the printed link, or by a cookie set for the link."""

import hashlib
import hmac
import os
import re
import secrets
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.program_name import program_elsewhere
from fieldsharp.core.secret_variables import TOKEN_VARIABLE
from fieldsharp.sweep.dashboard.http.responses import Environ, Response, data, page, wants_page
from fieldsharp.sweep.dashboard.security.host_and_origin import is_cross_site

MIN_TOKEN_LENGTH = 24
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]*")
_UNAUTHORIZED = (
    "a token is needed: send it as Authorization: Bearer TOKEN, or open the printed link"
)
_LOGIN_FORM = (
    "<p>Open the link that <code>{program} dashboard</code> printed, or paste the token "
    "from its end here.</p>"
    '<form method="get" action="{action}"><input name="token" type="password" autocomplete="off" '
    'required autofocus aria-label="Token"><button>Open</button></form>'
    '<p>If you have opened it before in this browser, <a href="{action}">go on</a>.</p>'
)


def take_token() -> str:
    """Return the token of the environment, removed from it, or else a new random one.

    Raises:
        ConfigError: If the given one is short or has characters that a link would have to escape.
    """
    given = os.environ.pop(TOKEN_VARIABLE, None)
    if given is None:
        return secrets.token_urlsafe(32)
    if len(given) < MIN_TOKEN_LENGTH or not _TOKEN.fullmatch(given):
        raise ConfigError(
            f"{TOKEN_VARIABLE} must have at least {MIN_TOKEN_LENGTH} characters, all of them "
            f"letters, digits or -_.~, found {len(given)} characters; make one with "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return given


def is_page(environ: Environ) -> bool:
    """Return whether a path is one of the dashboard's pages, not data or a file."""
    path = environ.get("PATH_INFO", "").rstrip("/")
    return path in ("", "/dashboard") or path.startswith("/dashboard/")


class TokenAuth:
    """Accepts requests with the token in a header or a link, or with the cookie set for the link.

    The cookie holds an HMAC of the token, from which the token cannot be derived, so that it is of
    no use in a link or a header. Browsers do not send it with requests of other sites.
    """

    def __init__(self, token: str, port: int, *, secure: bool) -> None:
        """Derive the cookie from the token.

        Args:
            token: Required of every request.
            port: Bound port; browsers store cookies by host alone, so each port has its own name.
            secure: Whether the cookie is sent over TLS alone.
        """
        self._token = token.encode()
        self._cookie_name = f"sweep-dashboard-{port}"
        self._cookie_value = hmac.new(self._token, b"cookie", hashlib.sha256).hexdigest().encode()
        over_tls_alone = "; Secure" if secure else ""
        self._cookie_attributes = f"; HttpOnly; SameSite=Strict; Path=/{over_tls_alone}"

    def check(self, environ: Environ) -> Response | None:
        """Return None for a request that is authenticated; else the response to send instead."""
        scheme, _, header = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer" and _same(header.strip(), self._token):
            return None
        if environ.get("REQUEST_METHOD") == "GET" and is_page(environ):
            query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
            given = [value for name, value in query if name == "token"]
            if given:
                is_right = hmac.compare_digest(given[-1].encode(), self._token)
                return self._set_cookie(environ, query) if is_right else _ask_for_token(environ)
        return None if self._has_cookie(environ) else _ask_for_token(environ)

    def _has_cookie(self, environ: Environ) -> bool:
        # Parsed by hand: http.cookies stops at the first malformed cookie, and other programs on
        # this host have set theirs too.
        pairs = (pair.partition("=") for pair in environ.get("HTTP_COOKIE", "").split(";"))
        return any(
            name.strip() == self._cookie_name and _same(value.strip(), self._cookie_value)
            for name, _, value in pairs
        )

    def _set_cookie(self, environ: Environ, query: list[tuple[str, str]]) -> Response:
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{rest}" if rest else "")
        content = f"{self._cookie_name}={self._cookie_value.decode()}{self._cookie_attributes}"
        cookie = ("Set-Cookie", content)
        if not is_cross_site(environ):
            body = b"The cookie is set."
            return Response("303 See Other", "text/plain", body, (("Location", path), cookie))
        # A redirect would still count as a request of the other site, without the cookie. A page
        # of the dashboard that reloads itself makes requests of its own.
        link = escape(path)
        head = f'<meta http-equiv="refresh" content="0; url={link}">'
        return page("200 OK", "Opening", f'<p><a href="{link}">Go on</a></p>', head, (cookie,))


def _same(given: str, wanted: bytes) -> bool:
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted)


def _ask_for_token(environ: Environ) -> Response:
    challenge = (("WWW-Authenticate", "Bearer"),)
    if not wants_page(environ):
        return data("401 Unauthorized", _UNAUTHORIZED, challenge)
    path = quote(environ["PATH_INFO"].encode("latin-1")) if is_page(environ) else "/"
    content = _LOGIN_FORM.format(action=path, program=program_elsewhere())
    return page("401 Unauthorized", "This dashboard is locked", content, headers=challenge)
