"""Who is let in: whoever has the token, which the printed link carries."""

import hashlib
import hmac
import os
import re
import secrets
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.secret_variables import TOKEN_VARIABLE
from fieldsharp.sweep.dashboard.http.responses import Environ, Response, data, page, wants_page
from fieldsharp.sweep.dashboard.security.csrf import is_from_elsewhere

SHORTEST = 24
_FIT = re.compile(r"[A-Za-z0-9_.~-]*")
_REASON = "a token is needed: send it as Authorization: Bearer TOKEN, or open the printed link"
_ASK = (
    "<p>Open the link that <code>python run_sweep.py dashboard</code> printed, or paste the token "
    "from its end here.</p>"
    '<form method="get" action="{action}"><input name="token" type="password" autocomplete="off" '
    'required autofocus aria-label="Token"><button>Open</button></form>'
    '<p>If you have opened it before in this browser, <a href="{action}">go on</a>.</p>'
)


def take_token() -> str:
    """Return the token of the environment, which it leaves, or else a new random one.

    Raises:
        ConfigError: If the one given is short or has characters that a link would have to escape.
    """
    given = os.environ.pop(TOKEN_VARIABLE, None)
    if given is None:
        return secrets.token_urlsafe(32)
    if len(given) < SHORTEST or not _FIT.fullmatch(given):
        raise ConfigError(
            f"{TOKEN_VARIABLE} must have at least {SHORTEST} characters, all of them letters, "
            f"digits or -_.~, found {len(given)} characters; make one with "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return given


def is_page(environ: Environ) -> bool:
    """Return whether a path is one of the dashboard's pages, and no data."""
    path = environ.get("PATH_INFO", "").rstrip("/")
    return path in ("", "/dashboard") or path.startswith("/dashboard/")


class TokenAuth:
    """Lets in whoever has the token, by header, by link, or by the cookie the link was changed for.

    The cookie is a number that the token cannot be told from, so that it is of no use in a link or
    a header. It is sent to no page of another site.
    """

    def __init__(self, token: str, port: int, *, secure: bool) -> None:
        """Take the token.

        Args:
            token: That is asked for.
            port: That is bound; cookies are kept by host alone, and each dashboard needs its own.
            secure: Whether the cookie is sent over TLS alone.
        """
        self._token = token.encode()
        self._name = f"sweep-dashboard-{port}"
        self._value = hmac.new(self._token, b"cookie", hashlib.sha256).hexdigest().encode()
        self._rules = "; HttpOnly; SameSite=Strict; Path=/" + ("; Secure" if secure else "")

    def check(self, environ: Environ) -> Response | None:
        """Return nothing for a request that is let in; else what is answered instead of it."""
        if self._has_header(environ):
            return None
        if environ.get("REQUEST_METHOD") == "GET" and is_page(environ):
            query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
            given = [value for name, value in query if name == "token"]
            if given:
                right = hmac.compare_digest(given[-1].encode(), self._token)
                return self._take_in(environ, query) if right else _ask(environ)
        return None if self._has_cookie(environ) else _ask(environ)

    def _has_header(self, environ: Environ) -> bool:
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        return scheme.lower() == "bearer" and _same(given.strip(), self._token)

    def _has_cookie(self, environ: Environ) -> bool:
        # By hand: http.cookies reads no further at the first odd one, and other programs that
        # were opened on this host have put theirs here.
        pairs = (pair.partition("=") for pair in environ.get("HTTP_COOKIE", "").split(";"))
        return any(
            name.strip() == self._name and _same(value.strip(), self._value)
            for name, _, value in pairs
        )

    def _take_in(self, environ: Environ, query: list[tuple[str, str]]) -> Response:
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{rest}" if rest else "")
        cookie = ("Set-Cookie", f"{self._name}={self._value.decode()}{self._rules}")
        if not is_from_elsewhere(environ):
            body = b"The cookie is set."
            return Response("303 See Other", "text/plain", body, (("Location", path), cookie))
        # A redirect would still count as the other site's, which the cookie is not sent for. A
        # page of ours that goes on by itself is the start of a visit of our own.
        link = escape(path)
        head = f'<meta http-equiv="refresh" content="0; url={link}">'
        return page("200 OK", "Opening", f'<p><a href="{link}">Go on</a></p>', head, (cookie,))


def _same(given: str, wanted: bytes) -> bool:
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted)


def _ask(environ: Environ) -> Response:
    challenge = (("WWW-Authenticate", "Bearer"),)
    if not wants_page(environ):
        return data("401 Unauthorized", _REASON, challenge)
    here = quote(environ["PATH_INFO"].encode("latin-1")) if is_page(environ) else "/"
    content = _ASK.format(action=here)
    return page("401 Unauthorized", "This dashboard is locked", content, headers=challenge)
