"""How long a client may keep us waiting: a connection that dawdles would hold a thread for ever."""

import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

from cheroot.makefile import StreamReader, StreamWriter

GRACE_S = 5.0
RATE_BYTES_S = 8192.0
"""A client that is slower than this, after the grace, is left. Slow telephone lines do better."""

_Result = TypeVar("_Result")


class Timeouts:
    """Time spent waiting for one client during one request, against what was moved meanwhile.

    A limit for each read or write, which is all a socket has, is met by one byte now and then.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew, for the next request."""
        self._waited_s = 0.0
        self._moved = 0

    @property
    def left_s(self) -> float:
        """Seconds the client may still keep us waiting."""
        return GRACE_S + self._moved / RATE_BYTES_S - self._waited_s

    def keep(self, sock: Any, move: Callable[[Any], _Result], buffer: Any) -> _Result:
        """Move bytes in the time that is left.

        Raises:
            TimeoutError: If there is none.
        """
        if self.left_s <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(self.left_s)
        begun = time.monotonic()
        try:
            result = move(buffer)
        finally:
            self._waited_s += time.monotonic() - begun
        self._moved += result if isinstance(result, int) else 0
        return result

    def makefile(self, sock: Any, mode: str, size: int) -> Any:
        """Return a file over a socket that keeps this pace; takes the place of cheroot's own."""
        return (_Reader if "r" in mode else _Writer)(_PacedSocket(sock, mode, self), size)


class _Reader(StreamReader):
    def __init__(self, raw: "_PacedSocket", size: int) -> None:
        super(StreamReader, self).__init__(raw, size)  # past the one that takes a bare socket
        self.bytes_read = 0


class _Writer(StreamWriter):
    def __init__(self, raw: "_PacedSocket", size: int) -> None:
        super(StreamWriter, self).__init__(raw, size)
        self.bytes_written = 0


class _PacedSocket(socket.SocketIO):
    def __init__(self, sock: Any, mode: Any, pace: Timeouts) -> None:
        super().__init__(sock, mode)
        self._held = sock
        self._pace = pace

    def readinto(self, buffer: Any) -> int | None:
        return self._pace.keep(self._held, super().readinto, buffer)

    def write(self, buffer: Any) -> int | None:
        return self._pace.keep(self._held, super().write, buffer)
