"""What a script prints, of which the beginning and the end are kept, however much it is."""

from collections import deque

KEPT_BYTES = 128 * 1024
"""Of the beginning, and as much of the end."""


class OutputBuffer:
    """Takes in bytes and holds a bounded number of them.

    Args:
        most_bytes: Of the beginning, and as much of the end.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most = most_bytes
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._in_tail = 0
        self._left_out = 0

    def add(self, printed: bytes) -> None:
        """Take in what was printed next."""
        room = self._most - len(self._head)
        self._head += printed[:room]
        rest = printed[room:] if room > 0 else printed
        if not rest:
            return
        self._tail.append(rest)
        self._in_tail += len(rest)
        while self._in_tail - len(self._tail[0]) >= self._most:
            gone = self._tail.popleft()
            self._in_tail -= len(gone)
            self._left_out += len(gone)

    def text(self) -> str:
        """Return what is kept, with a line that says how much is not."""
        tail = b"".join(self._tail)
        cut = max(0, len(tail) - self._most)
        left_out = self._left_out + cut
        between = f"\n[... {left_out} bytes left out ...]\n".encode() if left_out else b""
        return (bytes(self._head) + between + tail[cut:]).decode(errors="replace")
