"""Time limits per request: a client that sends or reads too slowly would hold a thread for ever."""

import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

from cheroot.makefile import StreamReader, StreamWriter

GRACE_S = 5.0
RATE_BYTES_S = 8192.0
"""Slowest transfer rate after the grace; dial-up lines are barely slower."""

_Result = TypeVar("_Result")


class Timeouts:
    """Seconds spent waiting for one client during one request, against the bytes transferred.

    A limit for each read or write, which is all a socket has, is met by one byte now and then.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Reset for the next request."""
        self._waited_s = 0.0
        self._transferred = 0

    @property
    def left_s(self) -> float:
        """Seconds left to wait for the client."""
        return GRACE_S + self._transferred / RATE_BYTES_S - self._waited_s

    def transfer(self, sock: Any, move: Callable[[Any], _Result], buffer: Any) -> _Result:
        """Read or write bytes within the time left.

        Raises:
            TimeoutError: If no time is left.
        """
        if self.left_s <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(self.left_s)
        started = time.monotonic()
        try:
            result = move(buffer)
        finally:
            self._waited_s += time.monotonic() - started
        self._transferred += result if isinstance(result, int) else 0
        return result

    def makefile(self, sock: Any, mode: str, size: int) -> Any:
        """Return a file over a socket under these limits; replaces cheroot's own."""
        return (_Reader if "r" in mode else _Writer)(_TimedSocket(sock, mode, self), size)


class _Reader(StreamReader):
    def __init__(self, raw: "_TimedSocket", size: int) -> None:
        super(StreamReader, self).__init__(raw, size)  # skips cheroot's, which takes a bare socket
        self.bytes_read = 0


class _Writer(StreamWriter):
    def __init__(self, raw: "_TimedSocket", size: int) -> None:
        super(StreamWriter, self).__init__(raw, size)
        self.bytes_written = 0


class _TimedSocket(socket.SocketIO):
    def __init__(self, sock: Any, mode: Any, timeouts: Timeouts) -> None:
        super().__init__(sock, mode)
        self._socket = sock
        self._timeouts = timeouts

    def readinto(self, buffer: Any) -> int | None:
        return self._timeouts.transfer(self._socket, super().readinto, buffer)

    def write(self, buffer: Any) -> int | None:
        return self._timeouts.transfer(self._socket, super().write, buffer)
