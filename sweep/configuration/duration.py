"""Spans of time as people write them: 90s, 30m, 2h, 1d."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_DURATION = re.compile(r"(?P<count>\d+(\.\d+)?)\s*(?P<unit>[smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: Any) -> Any:
    if value is None:
        return None
    match = _DURATION.fullmatch(str(value).strip())
    if not match or float(match["count"]) <= 0:
        raise ValueError(f"must be a duration such as 90s, 30m, 2h or 1d, found {value!r}")
    return str(value).strip()


Duration = Annotated[str, BeforeValidator(_duration)]


def seconds(duration: Duration) -> float:
    """Return a validated duration in seconds."""
    match = _DURATION.fullmatch(duration)
    assert match is not None, "validated"
    return float(match["count"]) * _SECONDS[match["unit"]]
