"""Picking numbers out of what a script prints, line by line as it comes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fieldsharp.sweep.configuration.script_settings import NEEDED, ScriptSettings

LONGEST_LINE = 10_000
"""Bytes of a line that are looked at: what never ends a line is not kept in memory."""


@dataclass(frozen=True)
class PrintedEpoch:
    """A line that told of an epoch.

    Attributes:
        epoch: From 1.
        metrics: ``gradient``, ``peak`` and ``rmse``.
    """

    epoch: int
    metrics: dict[str, float]


class OutputParser:
    """Looks for metrics and epochs in what is printed.

    Args:
        settings: With the patterns.

    Attributes:
        metrics: What was found last, by name, as it was printed.
    """

    def __init__(self, settings: ScriptSettings) -> None:
        self._patterns = {name: re.compile(text) for name, text in settings.patterns.items()}
        self._progress = re.compile(settings.progress) if settings.progress else None
        self._looks = bool(self._patterns) or self._progress is not None
        self._rest = b""
        self.metrics: dict[str, str] = {}

    def add(self, printed: bytes) -> Iterator[PrintedEpoch]:
        """Yield the epochs that whole lines tell of, of which this is the next part."""
        if not self._looks:
            return
        *whole, rest = (self._rest + printed).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[:LONGEST_LINE]
        for line in whole:
            yield from self._look(line[:LONGEST_LINE].decode(errors="replace"))

    def end(self) -> Iterator[PrintedEpoch]:
        """Yield what the last line tells, which nothing ended."""
        rest, self._rest = self._rest, b""
        yield from self._look(rest.decode(errors="replace"))

    def _look(self, line: str) -> Iterator[PrintedEpoch]:
        for name, pattern in self._patterns.items():
            if found := pattern.search(line):
                self.metrics[name] = found[1] or ""
        found = self._progress.search(line) if self._progress else None
        told = _told(found.groupdict()) if found else None
        if told is not None:
            yield told


def _told(groups: Mapping[str, str | None]) -> PrintedEpoch | None:
    """Return what a line told, None where it holds no numbers: it is a line like any other."""
    try:
        metrics = {name: float(groups[name] or "") for name in NEEDED}
        return PrintedEpoch(int(groups["epoch"] or ""), metrics)
    except ValueError:
        return None
