"""Runs code of other people: without a network, without its warnings, its output on stderr."""

import contextlib
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")
_of_this_thread = threading.local()


class NoNetworkError(OSError):
    """A net asked for a network while it was built or tried."""


@contextlib.contextmanager
def foreign_code() -> Iterator[None]:
    """Run imports and constructors of other projects.

    Connections that Python makes in this thread fail with ``NoNetworkError``; other threads, which
    may report to a database, are not touched. What is printed goes to standard error, since
    standard output may be JSON. Filters of warnings that an import sets are undone.
    """
    _watch_the_network()
    before = getattr(_of_this_thread, "offline", False)
    _of_this_thread.offline = True
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        _of_this_thread.offline = before


@cache
def _watch_the_network() -> None:
    """Install the audit hook once: one cannot be removed."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _NETWORK or not getattr(_of_this_thread, "offline", False):
        return
    is_local = event == "socket.connect" and isinstance(arguments[1], str | bytes)  # a Unix socket
    if not is_local:
        raise NoNetworkError(
            "it asks for a network, and trained weights are never downloaded; name arguments with "
            "which it starts from drawn weights"
        )
