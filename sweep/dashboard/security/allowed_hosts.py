"""Which addresses the dashboard answers to: a name that was made to point here is none of them."""

import ipaddress
import re
from collections.abc import Sequence

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.dashboard.http.responses import Environ, Response, refusal

_NAME = re.compile(
    r"(?P<name>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?P<port>:[0-9]{1,5})?"
)
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_USUAL_PORT = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach what listens on a host."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_every_address(host: str) -> bool:
    """Return whether a host means all addresses of this machine, and so is none to write down."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def written(host: str) -> str:
    """Return a host as it stands in a link."""
    return f"[{host}]" if ":" in host else host


class AllowedHosts:
    """The values of the header ``Host`` that are answered.

    Without this, a page anywhere could have its own name point to 127.0.0.1 and read the studies
    as its own ("DNS rebinding").
    """

    def __init__(self, scheme: str, host: str, port: int, allowed: Sequence[str] = ()) -> None:
        """Take what is bound, and what was allowed besides.

        Args:
            scheme: ``http`` or ``https``.
            host: That is bound.
            port: That is bound.
            allowed: Names of ``--allow-host``, with a port or for every usual one.

        Raises:
            ConfigError: If one of those cannot be the name of a host.
        """
        usual = port == _USUAL_PORT[scheme]
        self._known: set[str] = set()
        for name in (*_LOOPBACK, written(host).lower()):
            self._known |= {f"{name}:{port}"} | ({name} if usual else set())
        for given in allowed:
            name, with_port = _parsed(given)
            self._known |= {name} if with_port else {name, f"{name}:{port}"}

    def check(self, environ: Environ) -> Response | None:
        """Return a refusal unless a request was sent to an address that is ours."""
        if environ.get("HTTP_HOST", "").lower() in self._known:
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
