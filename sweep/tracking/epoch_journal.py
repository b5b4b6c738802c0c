"""The journal of epochs: metrics of running trials, which the database has only at their end."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldsharp.objectives.per_variable import named
from fieldsharp.storage.durable_files.regular_files import open_to_read, open_within
from fieldsharp.sweep.study.epoch_report import EpochReport

logger = logging.getLogger(__name__)
FILE = "epochs.jsonl"
SHOWN = ("gradient", "peak", "rmse")


class JournalWriter:
    """Appends epochs to the journal; a full disk is only logged, once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._has_warned = False

    def add(self, number: int, key: str, report: EpochReport, at_ms: int) -> None:
        """Append the metrics of a trial after an epoch, of what ``key`` identifies."""
        entry = {"trial": number, "key": key, "epoch": report.epoch, "at": at_ms}
        line = json.dumps({**entry, "metrics": figures(report)})
        try:
            descriptor = open_within(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            try:
                # The first line break ends a line that was cut off by a full disk.
                os.write(descriptor, f"\n{line}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._has_warned:
                logger.warning(
                    "epochs of running trials cannot be kept for trackers (%s: %s): they are shown "
                    "when a trial has ended",
                    self._path,
                    error.strerror or error,
                )
            self._has_warned = True


def figures(report: EpochReport) -> dict[str, float]:
    """Return the metrics of an epoch that are shown, named as in the data of pictures."""
    losses = report.losses
    return {
        "loss total": losses.total,
        "loss base": losses.base,
        "loss term": losses.term,
        "loss peak": losses.peak,
        **{
            named(variable, name): report.judgement.of(variable).overall[name]
            for variable in ("", *report.judgement.others)
            for name in SHOWN
        },
    }


class JournalReader:
    """Reads the journal as it grows."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._offset = 0
        self._rest = b""
        self._epochs: dict[tuple[int, str], dict[int, tuple[int, Mapping[str, float]]]] = {}

    def read(self) -> None:
        """Take in what was appended."""
        try:
            descriptor = open_to_read(self._path)
        except OSError:
            return
        with os.fdopen(descriptor, "rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in filter(None, lines):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue  # cut off by a full disk: the epoch comes with the end of its trial

    def epochs(self, number: int, key: str) -> Mapping[int, tuple[int, Mapping[str, float]]]:
        """Return the time in ms and the metrics of each epoch, from 0, of a trial."""
        return self._epochs.get((number, key), {})

    def _take(self, entry: Any) -> None:
        metrics = {str(name): float(value) for name, value in entry["metrics"].items()}
        of_trial = self._epochs.setdefault((int(entry["trial"]), str(entry["key"])), {})
        of_trial[int(entry["epoch"])] = int(entry["at"]), metrics
