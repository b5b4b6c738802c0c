"""Output of a script: a bounded buffer of it, and the metrics and epochs parsed from it."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fieldsharp.sweep.configuration.script_settings import NEEDED, ScriptSettings
from fieldsharp.sweep.execution.script.error_lines import ANSI

BUFFERED_BYTES = 128 * 1024
"""Of the begin of the output, and as many of its end."""
LONGEST_LINE = 10_000
"""Bytes of a line that are parsed, which also bounds what is buffered of an unfinished line."""


class OutputBuffer:
    """Buffers the begin of a script's output, and as many bytes of its end."""

    def __init__(self, most_bytes: int = BUFFERED_BYTES) -> None:
        self._most = most_bytes
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._in_tail = 0
        self._left_out = 0

    def add(self, printed: bytes) -> None:
        """Append output."""
        free = self._most - len(self._head)
        self._head += printed[:free]
        rest = printed[free:] if free > 0 else printed
        if not rest:
            return
        self._tail.append(rest)
        self._in_tail += len(rest)
        while self._in_tail - len(self._tail[0]) >= self._most:
            dropped = self._tail.popleft()
            self._in_tail -= len(dropped)
            self._left_out += len(dropped)

    def text(self) -> str:
        """Return the buffered output, with a line in place of the bytes left out."""
        tail = b"".join(self._tail)
        cut = max(0, len(tail) - self._most)
        left_out = self._left_out + cut
        marker = f"\n[... {left_out} bytes left out ...]\n".encode() if left_out else b""
        return (bytes(self._head) + marker + tail[cut:]).decode(errors="replace")


@dataclass(frozen=True)
class PrintedEpoch:
    """An epoch, from 1, that the script printed, with its ``gradient``, ``peak`` and ``rmse``."""

    epoch: int
    metrics: dict[str, float]


class OutputParser:
    """Parses metrics and epochs from a script's output.

    Attributes:
        metrics: Last match of each pattern, by metric, as it was printed.
    """

    def __init__(self, settings: ScriptSettings) -> None:
        self._patterns = {name: re.compile(text) for name, text in settings.patterns.items()}
        self._progress = (
            re.compile(settings.progress) if isinstance(settings.progress, str) else None
        )
        self._has_patterns = bool(self._patterns) or self._progress is not None
        self._rest = b""
        self.metrics: dict[str, str] = {}

    def add(self, printed: bytes) -> Iterator[PrintedEpoch]:
        """Parse further output; yield the epochs of the lines that it completes."""
        if not self._has_patterns:
            return
        *whole, rest = (self._rest + printed).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[:LONGEST_LINE]
        for line in whole:
            yield from self._parse_line(line[:LONGEST_LINE].decode(errors="replace"))

    def end(self) -> Iterator[PrintedEpoch]:
        """Yield the epoch of a last line without a line break."""
        rest, self._rest = self._rest, b""
        yield from self._parse_line(rest.decode(errors="replace"))

    def _parse_line(self, printed: str) -> Iterator[PrintedEpoch]:
        line = ANSI.sub("", printed)
        for name, pattern in self._patterns.items():
            if found := pattern.search(line):
                self.metrics[name] = found[1] or ""
        found = self._progress.search(line) if self._progress else None
        epoch = _printed_epoch(found.groupdict()) if found else None
        if epoch is not None:
            yield epoch


def _printed_epoch(groups: Mapping[str, str | None]) -> PrintedEpoch | None:
    """Return the epoch of a line, None if its groups are no numbers."""
    try:
        metrics = {name: float(groups[name] or "") for name in NEEDED}
        return PrintedEpoch(int(groups["epoch"] or ""), metrics)
    except ValueError:
        return None
