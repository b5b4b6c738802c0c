"""Rows of metrics that a training logs: CSV, JSON lines, JSON, event files of TensorBoard.

A row has what was logged at once: numbers by column, None where a cell says that there is none.
"""

import csv
import importlib.util
import json
import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePath

from fieldsharp.core.checkout import install_command
from fieldsharp.core.errors import DataError, TrainingFailed
from fieldsharp.core.suggestions import unknown
from fieldsharp.storage.durable_files.regular_files import read_bounded
from fieldsharp.sweep.configuration.script_results import STREAM_SUFFIXES
from fieldsharp.sweep.execution.script.written_files import EVENTS

MOST_BYTES = 64_000_000
"""Of a file of rows."""
TENSORBOARD_MISSING = (
    "is an event file of TensorBoard, and the package tensorboard is not installed; "
    f"install it with {install_command('tensorboard', 'tensorboard')}, or log to CSV"
)
Row = dict[str, object]


def is_rows(name: str) -> bool:
    """Return whether files of that name have rows, not one JSON object."""
    return may_be_events(name) or PurePath(name).suffix.lower() in STREAM_SUFFIXES


def may_be_events(name: str) -> bool:
    """Return whether a file that fits a name or pattern is one of TensorBoard's."""
    last = PurePath(name).name
    return EVENTS in last or ("event" in last and fnmatch("events.out.tfevents.1.host.1.0", last))


def has_tensorboard() -> bool:
    """Return whether event files can be read."""
    return importlib.util.find_spec("tensorboard") is not None


def read_rows(path: Path, *, whole: bool = True) -> list[Row]:
    """Return the rows of a file, in their order.

    Args:
        path: The file; what it is follows from its name.
        whole: Whether the script has ended; else an incomplete last line is left out.

    Raises:
        DataError: If it cannot be read.
    """
    if EVENTS in path.name:
        return _of_events(path)
    suffix = path.suffix.lower()
    try:
        text = read_bounded(path, MOST_BYTES).decode("utf-8-sig")
        if not whole:
            text = text[: text.rfind("\n") + 1]
        if suffix in (".csv", ".tsv"):
            delimiter = "\t" if suffix == ".tsv" else ","
            rows = csv.DictReader(text.splitlines(), delimiter=delimiter, strict=True)
            return [{str(k).strip(): v for k, v in row.items() if k is not None} for row in rows]
        if suffix in (".jsonl", ".ndjson"):
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            tree = json.loads(text)
            found = tree if isinstance(tree, list) else [tree]
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        kind = {".csv": "CSV", ".tsv": "CSV"}.get(suffix, "JSON")
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path.name} cannot be read as {kind} ({reason}); write it whole"
        ) from error
    if not all(isinstance(row, dict) for row in found):
        raise DataError(
            f"{path.name} holds something else than objects of numbers; write one such as "
            '{"gradient": 2.1, "peak": 112, "rmse": 0.4} for each epoch'
        )
    return found


def _of_events(path: Path) -> list[Row]:
    if not has_tensorboard():
        raise DataError(f"{path.name} {TENSORBOARD_MISSING}")
    from tensorboard.backend.event_processing.event_file_loader import (  # here: an extra
        EventFileLoader,
    )
    from tensorboard.util.tensor_util import make_ndarray

    rows: dict[int, Row] = {}
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if value.HasField("tensor") and value.metadata.plugin_data.plugin_name == "scalars":
                number = make_ndarray(value.tensor)
            elif value.HasField("simple_value"):
                number = value.simple_value
            else:
                number = None
                if value.HasField("tensor"):
                    array = make_ndarray(value.tensor)
                    number = array if array.size == 1 and array.dtype.kind in "iuf" else None
            if number is not None:
                rows.setdefault(int(event.step), {})[str(value.tag)] = float(number)
    return [rows[step] for step in sorted(rows)]


def number_in(row: Row, column: str, path: str) -> float | None:
    """Return the number in a column of a row; None where there is none.

    Raises:
        DataError: If it is something else.
    """
    value = row.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return as_number(column, value, f"in {path}")


def as_number(name: str, value: object, where: str) -> float:
    """Return a number that was written as one or as text.

    Raises:
        DataError: If it is something else.
    """
    try:
        if (isinstance(value, str) and "_" not in value) or is_number(value):
            return float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        pass
    raise DataError(f"the {name} {where} is {str(value)[:100]!r}, which is no number")


def is_number(value: object) -> bool:
    """Return whether a value is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def last_values(rows: Sequence[Row], names: Mapping[str, str], path: str) -> dict[str, float]:
    """Return the last value of each metric.

    Args:
        rows: Of a file.
        names: Column of each metric.
        path: The file, for errors.

    Raises:
        DataError: If there is no such column, or it holds something else than numbers.
        TrainingFailed: If the last value is no finite number, or was left empty in a later row of
            the same columns, as pandas writes NaN.
    """
    columns = list(dict.fromkeys(str(column) for row in rows for column in row))
    found = {}
    for metric, column in names.items():
        if column not in columns:
            raise DataError(f"{path}: {unknown('column', column, columns)} (trainer.metrics.names)")
        values = [number_in(row, column, path) for row in rows]
        known = [index for index, value in enumerate(values) if value is not None]
        if not known:
            raise DataError(f"{path} has no value of {column} in any row; log it")
        last = values[known[-1]]
        assert last is not None
        lost = _left_empty(rows, column, known[-1])
        if lost is not None or not math.isfinite(last):
            where = (
                f"row {lost + 1}, where it is empty" if lost is not None else f"its end ({last})"
            )
            raise TrainingFailed(
                f"the {column} in {path} is no number in {where}: the training diverged"
            )
        found[metric] = last
    return found


def _left_empty(rows: Sequence[Row], column: str, last: int) -> int | None:
    """Return the first later row that has only columns which the row of the last value has."""
    beside = _filled(rows[last]) - {column}
    for index in range(last + 1, len(rows)):
        filled = _filled(rows[index])
        if filled and filled <= beside:
            return index
    return None


def _filled(row: Row) -> set[str]:
    return {name for name, value in row.items() if value is not None and value != ""}
