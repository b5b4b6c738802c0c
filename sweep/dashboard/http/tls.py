"""TLS from a certificate and its key, both as PEM files."""

import ssl
from pathlib import Path
from typing import Any

from cheroot.makefile import MakeFile
from cheroot.ssl import Adapter

from fieldsharp.core.errors import ConfigError


def load_tls(certfile: Path | None, keyfile: Path | None) -> ssl.SSLContext | None:
    """Return a context for TLS 1.2 or newer, or None if neither file is given.

    Raises:
        ConfigError: If one of them is missing, cannot be read or used, or the two do not match.
    """
    if certfile is None and keyfile is None:
        return None
    if certfile is None or keyfile is None:
        missing = "--certfile" if certfile is None else "--keyfile"
        raise ConfigError(f"TLS needs a certificate and its key: give {missing} too")
    for option, path in (("--certfile", certfile), ("--keyfile", keyfile)):
        _require_readable(option, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def refuse_password() -> str:
        raise ConfigError(
            f"--keyfile {keyfile} is protected by a password; give one that is not, such as "
            "openssl pkey writes, in a file only you can read"
        )

    try:
        context.load_cert_chain(certfile, keyfile, refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            found = f"--keyfile {keyfile} is not the key of --certfile {certfile}"
        else:
            found = f"--certfile {certfile} and --keyfile {keyfile} cannot be used for TLS"
        raise ConfigError(f"{found}; give a certificate and its own key as PEM files") from error
    return context


def _require_readable(option: str, path: Path) -> None:
    try:
        if not path.is_file():
            raise ConfigError(f"{option} {path} is no file; give one in PEM form")
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(f"{option} {path} cannot be read ({error.strerror})") from error


class TlsAdapter(Adapter):
    """Wraps connections for cheroot and leaves the handshake to the thread that serves them.

    Cheroot's own adapter shakes hands where connections are accepted: one silent client would
    block all others.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: Any) -> Any:
        """Return the listening socket as it is."""
        return sock

    def wrap(self, sock: Any) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """Return a connection over TLS before its handshake, and its WSGI variables."""
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        """Return the WSGI variables of a connection over TLS."""
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: Any, mode: str = "r", bufsize: int = -1) -> Any:
        """Return a file over a connection."""
        return MakeFile(sock, mode, bufsize)
