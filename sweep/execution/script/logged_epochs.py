"""Epochs of a running script, read from the file of metrics that it writes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.sweep.configuration.script_results import MetricsFile, ProgressColumns, path_of
from fieldsharp.sweep.configuration.script_settings import NEEDED, ScriptSettings
from fieldsharp.sweep.execution.script.metric_rows import Row, number_in, read_rows
from fieldsharp.sweep.execution.script.output import PrintedEpoch
from fieldsharp.sweep.execution.script.written_files import EVENTS, matches

INTERVAL_S = 1.0
"""Between two looks at the file, unless something is printed."""
SHARE_OF_TIME = 0.05
"""Most that is spent on reading."""


class LoggedEpochs:
    """Reads the file again when it has changed: it may be appended to, rewritten or replaced.

    Args:
        settings: Of the script.
        folder: It runs in.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self, settings: ScriptSettings, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._folder, self._clock = settings, folder, clock
        self._known: tuple[object, ...] = ()
        self._next_look = 0.0
        self._next_read = 0.0
        self._after = 0

    def new(self, *, printed: bool = False, ended: bool = False) -> Iterator[PrintedEpoch]:
        """Yield epochs that were not yielded yet.

        Args:
            printed: Whether the script printed something, and so may have written something.
            ended: Whether it has ended; then all that is there is read.
        """
        columns, now = self._settings.progress, self._clock()
        if not isinstance(columns, ProgressColumns) or self._settings.metrics is None:
            return
        if not ended and (now < self._next_read or (now < self._next_look and not printed)):
            return
        self._next_look = now + INTERVAL_S
        try:
            found = matches(self._folder, path_of(self._settings.metrics), self._settings)
            if not found:
                return
            path, stat = found[-1], found[-1].stat()
            known = (path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if known == self._known and not ended:
                return
            self._known = known
            rows = read_rows(path, whole=ended)
            epochs = self._epochs(rows, columns, path)
        except (FieldsharpError, OSError):
            return  # it is being written; what stays wrong is told at the end
        self._next_read = now + (self._clock() - now) / SHARE_OF_TIME
        for epoch in epochs:
            if epoch.epoch > self._after:
                self._after = epoch.epoch
                yield epoch

    def _epochs(self, rows: list[Row], columns: ProgressColumns, path: Path) -> list[PrintedEpoch]:
        metrics = self._settings.metrics
        names = metrics.names if isinstance(metrics, MetricsFile) else {n: n for n in NEEDED}
        # Only event files have steps, which say the order where no epoch does.
        counts = EVENTS in path.name and not any(columns.epoch in row for row in rows)
        found: dict[int, dict[str, float]] = {}
        done: list[PrintedEpoch] = []
        count, epoch = 0, None
        for row in rows:
            values = {m: number_in(row, names[m], path.name) for m in NEEDED}
            given = {metric: value for metric, value in values.items() if value is not None}
            if counts:
                epoch = count
            else:
                number = number_in(row, columns.epoch, path.name)
                if number is None or not number.is_integer():
                    continue
                epoch = int(number) - columns.first
            whole = found.setdefault(epoch, {})
            was_whole = len(whole) == len(NEEDED)
            whole |= given
            if not was_whole and len(whole) == len(NEEDED):
                count += 1
                done.append(PrintedEpoch(epoch + 1, dict(whole)))
        return done
