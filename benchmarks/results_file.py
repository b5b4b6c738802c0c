"""The file of results: every part as it was last measured, with the machine and the date."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, versions
from benchmarks.measurement import Measurement
from fieldsharp.sweep.study.provenance import git_commit

LATEST = Path(__file__).resolve().parent / "results" / "latest.json"


def write_part(path: Path, part: str, measurements: Sequence[Measurement], seconds: float) -> None:
    """Put the lines of a part in place of those it had; the others stay.

    Args:
        path: The file; made if it is missing.
        part: Name of the part.
        measurements: Its lines.
        seconds: How long it took.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = {"date": now, "commit": git_commit(), "machine": machine(), "versions": versions()}
    # What another part was measured with may differ: each carries its own.
    measured = {**where, "seconds": round(seconds, 1)}
    lines = [measurement.as_json() for measurement in measurements]
    parts = read_parts(path) | {part: {**measured, "measurements": lines}}
    text = json.dumps({**where, "parts": parts}, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.new")
    half.write_text(text + "\n", encoding="utf-8")
    half.replace(path)


def read_parts(path: Path) -> dict[str, Any]:
    """Return the parts of a file, none where it is missing."""
    try:
        parts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["parts"]
    except FileNotFoundError:
        return {}
    return parts
