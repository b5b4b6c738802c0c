"""Checkpoints on disk, with checksums, by trial and attempt.

    000007/             a trial
        attempt-0002/   of one attempt at it; an earlier attempt that was declared dead and still
            epoch-000004    writes does so into its own folder, and disturbs no other

A checksum tells whether a file is whole, see ``storage.durable_files.atomic``.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import (
    make_private_folder,
    read_checked,
    remove_partial_files,
    write_checked,
)
from fieldsharp.storage.durable_files.owned_folders import may_be_read

logger = logging.getLogger(__name__)
CHECKPOINTS_PER_ATTEMPT = 2
"""The last may have been damaged when the attempt ended."""
_KIND = "checkpoint 1"
_NAME = re.compile(r"epoch-(\d{6})")
_ATTEMPT = re.compile(r"attempt-(\d{4})")


def trial_folder(folder: Path, number: int) -> Path:
    """Return the folder of a trial's checkpoints."""
    return folder / f"{number:06d}"


def attempt_folder(folder: Path, attempt: int) -> Path:
    """Return the folder that an attempt at a trial writes to."""
    return folder / f"attempt-{attempt:04d}"


def make_attempt_folder(folder: Path, attempt: int) -> None:
    """Make the folder that an attempt writes to.

    Raises:
        OSError: If it cannot be made.
    """
    make_private_folder(folder)
    make_private_folder(attempt_folder(folder, attempt))


def write_checkpoint(folder: Path, attempt: int, epochs_done: int, content: bytes) -> None:
    """Write the checkpoint of a trial after an epoch, and remove older ones.

    The folder of the attempt must exist; without it the trial was ended meanwhile.

    Raises:
        OSError: If it cannot be written; earlier checkpoints still exist.
    """
    own = attempt_folder(folder, attempt)
    write_checked(own / f"epoch-{epochs_done:06d}", _KIND, content)
    existing = _files(own)
    for path in existing[CHECKPOINTS_PER_ATTEMPT:]:
        with suppress(OSError):
            path.unlink()
    if len(existing) >= CHECKPOINTS_PER_ATTEMPT:
        for other in _attempts(folder):
            found = _ATTEMPT.fullmatch(other.name)
            if found and int(found[1]) < attempt:
                shutil.rmtree(other, ignore_errors=True)


def checkpoints(folder: Path) -> Iterator[bytes]:
    """Yield the content of every whole checkpoint of a trial, the one with most epochs first.

    A damaged one is skipped with a warning; so is a folder that other users can fill. A folder that
    cannot be listed counts as empty.
    """
    if not may_be_read(folder):
        return
    found = []
    for attempt in _attempts(folder):
        match = _ATTEMPT.fullmatch(attempt.name)
        if match:
            found += [(path.name, int(match[1]), path) for path in _files(attempt)]
    for _, _, path in sorted(found, reverse=True):
        content = _whole(path)
        if content is not None:
            yield content


def epochs_done(folder: Path) -> int:
    """Return the epochs trained at the newest checkpoint of a trial, 0 without a checkpoint.

    A folder that cannot be listed counts as empty.
    """
    names = [path.name for attempt in _attempts(folder) for path in _files(attempt)]
    return max((int(name.removeprefix("epoch-")) for name in names), default=0)


def numbers_with_checkpoints(folder: Path) -> list[int]:
    """Return the numbers of the trials that have checkpoints in a folder."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints of a trial, if there are any."""
    shutil.rmtree(folder, ignore_errors=True)


def keep_last(folder: Path) -> None:
    """Remove all checkpoints of a finished trial but the last."""
    if not may_be_read(folder):
        return
    newest = max(
        (path for attempt in _attempts(folder) for path in _files(attempt)),
        key=lambda path: (path.name, path.parent.name),
        default=None,
    )
    for attempt in _attempts(folder):
        for path in _files(attempt):
            if path != newest:
                path.unlink(missing_ok=True)
        remove_partial_files(attempt)
        with suppress(OSError):  # the one with the last checkpoint is not empty
            attempt.rmdir()


def _attempts(folder: Path) -> list[Path]:
    try:
        return list(folder.glob("attempt-*"))
    except OSError:
        return []


def _files(folder: Path) -> list[Path]:
    """Return the checkpoints of one attempt, the newest first."""
    if not may_be_read(folder):
        return []
    try:
        names = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(names, key=lambda path: path.name, reverse=True)


def _whole(path: Path) -> bytes | None:
    try:
        content = read_checked(path, _KIND)
    except OSError as error:
        logger.warning("checkpoint %s cannot be read (%s): an older one is taken", path, error)
        return None
    if content is None:
        logger.warning("checkpoint %s is damaged: an older one is taken", path)
    return content
