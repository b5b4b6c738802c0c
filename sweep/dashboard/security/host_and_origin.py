"""Checks of the headers Host and Origin, against DNS rebinding and cross-site request forgery."""

import ipaddress
import re
from collections.abc import Sequence

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.dashboard.http.responses import Environ, Response, refusal

_NAME = re.compile(
    r"(?P<name>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?P<port>:[0-9]{1,5})?"
)
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORT = {"http": 80, "https": 443}
_OWN_SITE = (None, "same-origin", "none")
"""Values of ``Sec-Fetch-Site``; ``none`` is a person typing or clicking outside of any page.
``same-site`` is refused: it is any other port of this machine, which another user may listen on."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server bound to a host."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_every_address(host: str) -> bool:
    """Return whether a host binds all addresses of this machine, and so cannot stand in a link."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def url_host(host: str) -> str:
    """Return a host as it is written in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


class AllowedHosts:
    """The values of the header ``Host`` that are answered.

    Without this check, a page anywhere could have its own name resolve to 127.0.0.1 and read the
    studies as its own ("DNS rebinding").
    """

    def __init__(self, scheme: str, host: str, port: int, allowed: Sequence[str] = ()) -> None:
        """Allow the bound address, and names, also with the bound port where they have none.

        Raises:
            ConfigError: If one of the names is not a valid host name.
        """
        is_default = port == _DEFAULT_PORT[scheme]
        self._allowed: set[str] = set()
        for name in (*_LOOPBACK, url_host(host).lower()):
            self._allowed |= {f"{name}:{port}"} | ({name} if is_default else set())
        for given in allowed:
            name, has_port = _parsed(given)
            self._allowed |= {name} if has_port else {name, f"{name}:{port}"}

    def check(self, environ: Environ) -> Response | None:
        """Return a refusal unless the header ``Host`` of a request is allowed."""
        if environ.get("HTTP_HOST", "").lower() in self._allowed:
            return None
        return refusal(
            environ,
            "421 Misdirected Request",
            "the dashboard does not answer to this address; open the link that the command "
            "printed, or start it again with --allow-host and the name and port you use",
        )


def _parsed(given: str) -> tuple[str, bool]:
    match = _NAME.fullmatch(given.lower())
    if match is None:
        raise ConfigError(
            f"--allow-host {given!r} is not the name of a host; give it as in the browser's "
            "address, such as sweeps.example.org or localhost:9000"
        )
    return given.lower(), match["port"] is not None


def check_origin(environ: Environ) -> Response | None:
    """Return a refusal for a request made by a page of another origin; links to pages are allowed.

    The header ``Host`` must have been checked: a request has the same origin if it names that host.
    """
    origin = environ.get("HTTP_ORIGIN")
    host = environ.get("HTTP_HOST", "").lower()
    is_own = origin is None or origin.lower() in (f"http://{host}", f"https://{host}")
    if is_own and (not is_cross_site(environ) or _follows_a_link(environ)):
        return None
    return refusal(environ, "403 Forbidden", "the request was made by a page of another origin")


def is_cross_site(environ: Environ) -> bool:
    """Return whether a page of another origin, or a file, made the browser send a request."""
    return environ.get("HTTP_SEC_FETCH_SITE") not in _OWN_SITE


def _follows_a_link(environ: Environ) -> bool:
    return (
        environ.get("REQUEST_METHOD") in ("GET", "HEAD")
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )
