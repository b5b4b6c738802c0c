"""Replacing a database file: after a crash its path has the old file or the new one.

The log (``-wal``) belongs to the file it was written for. Left behind it would be replayed over the
next file of that name, which destroys a sound database; so it is moved with its file.

Every function but ``discard`` raises ``OSError`` if the disk refuses.
"""

import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import synchronise
from fieldsharp.storage.sqlite.file import SIDECAR_SUFFIXES, sidecar_files


def partials(target: Path, *, any_name: bool = False) -> list[Path]:
    """Return the unfinished files of running and of killed processes, of any name or a target's."""
    name = r".+" if any_name else re.escape(target.name)
    pattern = re.compile(rf"\.{name}\.\d+(\.[0-9a-f]+)?\.partial(-wal|-shm|-journal)?")
    return sorted(path for path in target.parent.iterdir() if pattern.fullmatch(path.name))


def clear_partials(target: Path, *, any_name: bool = False) -> None:
    """Remove the unfinished files of killed processes; to be called under a lock."""
    for path in partials(target, any_name=any_name):
        path.unlink(missing_ok=True)


def copy_permissions(partial: Path, former: Path) -> None:
    """Give a file the owner and mode of another: the same users can open it."""
    metadata = former.stat()
    partial.chmod(metadata.st_mode & 0o777)
    with suppress(PermissionError):  # only root gives files away
        os.chown(partial, metadata.st_uid, metadata.st_gid)


def put_in_place(partial: Path, target: Path) -> None:
    """Rename a finished file to its target, durably."""
    synchronise(partial)
    partial.replace(target)
    synchronise(target.parent)


def move_aside(target: Path) -> Path | None:
    """Move a database and the files next to it to ``<name>.damaged-N``; nothing is deleted.

    Returns:
        The new path of the database, also if it was missing; None if there was no file.
    """
    # The database first: killed in between, it is missing, which is noticed; a database without
    # its log would only be older.
    existing = [path for path in (target, *sidecar_files(target)) if path.exists()]
    if not existing:
        return None
    aside = _free_name(target)
    for path in existing:
        path.rename(aside.with_name(aside.name + path.name.removeprefix(target.name)))
    synchronise(target.parent)
    return aside


def damaged_copies(target: Path) -> list[Path]:
    """Return the databases that were moved aside."""
    pattern = re.compile(rf"{re.escape(target.name)}\.damaged-\d+")
    return sorted(path for path in target.parent.iterdir() if pattern.fullmatch(path.name))


def discard(partial: Path) -> None:
    """Remove an unfinished database and the files next to it."""
    for suffix in ("", *SIDECAR_SUFFIXES):
        with suppress(OSError):
            partial.with_name(partial.name + suffix).unlink()


def _free_name(target: Path) -> Path:
    for number in count(1):
        name = f"{target.name}.damaged-{number}"
        if not any(target.with_name(name + suffix).exists() for suffix in ("", *SIDECAR_SUFFIXES)):
            return target.with_name(name)
    raise AssertionError("unreachable")
