"""The name of a stored series, and what it takes of the disk."""

import hashlib
import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from fieldsharp.fields.settings import DataSettings

MB = 2**20
NOT_READ_BY = {
    "path",
    "history",
    "horizon",
    "stride",
    "train_every",
    "score_every",
    "max_filled_share",
    "split",
}
"""Settings of the data that do not change a series; the content of the path is in its key."""


def series_key(settings: DataSettings, content: str) -> str:
    """Return the name of a series: of the data's SHA-256 and all settings of its reading."""
    tree = settings.model_dump(mode="json", exclude=NOT_READ_BY)
    # Settings that are not in use leave the names of earlier versions as they are.
    tree = {n: v for n, v in tree.items() if v not in (None, [], {}) and v is not False}
    text = json.dumps([content, tree], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def stored_mb(folder: Path, keys: Collection[str]) -> float:
    """Return the size of some series on the disk, in MB; 0 for those that are missing."""
    files = (file for key in keys for file in (folder / key).glob("*"))
    sizes = 0
    for file in files:
        with suppress(OSError):  # removed just now
            sizes += file.stat().st_size
    return sizes / MB
