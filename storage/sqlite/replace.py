"""Putting another file in a database's place: after a crash there is the old one or the new one.

The log (``-wal``) belongs to the file it was written beside. Left behind it would be replayed over
whatever is put there, which destroys a sound database; so it is moved together with its file.
"""

import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import synchronise
from fieldsharp.storage.sqlite.file import BESIDE, beside


def partials(target: Path, *, any_name: bool = False) -> list[Path]:
    """Return what is being prepared, or was by a process that was killed.

    Args:
        target: What is prepared.
        any_name: Everything unfinished in its folder, not of this name alone.
    """
    name = r".+" if any_name else re.escape(target.name)
    ours = re.compile(rf"\.{name}\.\d+(\.[0-9a-f]+)?\.partial(-wal|-shm|-journal)?")
    return sorted(path for path in target.parent.iterdir() if ours.fullmatch(path.name))


def clear_partials(target: Path, *, any_name: bool = False) -> None:
    """Remove what killed processes left unfinished; to be called under a lock."""
    for path in partials(target, any_name=any_name):
        path.unlink(missing_ok=True)


def take_after(partial: Path, former: Path) -> None:
    """Give a file the owner of another, and its mode: who could open that can open this.

    Raises:
        OSError: If the disk refuses.
    """
    there = former.stat()
    partial.chmod(there.st_mode & 0o777)
    with suppress(PermissionError):  # only root gives files away
        os.chown(partial, there.st_uid, there.st_gid)


def put_in_place(partial: Path, target: Path) -> None:
    """Put a finished file in the place of another, durably.

    Raises:
        OSError: If the disk refuses.
    """
    synchronise(partial)
    partial.replace(target)
    synchronise(target.parent)


def move_aside(target: Path) -> Path | None:
    """Move a database and the files beside it to ``<name>.damaged-N``; nothing is deleted.

    Returns:
        Where the database is now, or would be had it not been missing; None if nothing was there.

    Raises:
        OSError: If the disk refuses.
    """
    # The database first: killed in between, it is missing, which is noticed; a database without
    # its log would only be older.
    there = [path for path in (target, *beside(target)) if path.exists()]
    if not there:
        return None
    aside = _free_name(target)
    for path in there:
        path.rename(aside.with_name(aside.name + path.name.removeprefix(target.name)))
    synchronise(target.parent)
    return aside


def damaged_copies(target: Path) -> list[Path]:
    """Return the files that were moved aside."""
    ours = re.compile(rf"{re.escape(target.name)}\.damaged-\d+")
    return sorted(path for path in target.parent.iterdir() if ours.fullmatch(path.name))


def discard(partial: Path) -> None:
    """Remove what could not be finished."""
    for path in (partial, *(partial.with_name(partial.name + suffix) for suffix in BESIDE)):
        with suppress(OSError):
            path.unlink()


def _free_name(target: Path) -> Path:
    for number in count(1):
        name = f"{target.name}.damaged-{number}"
        if not any(target.with_name(name + suffix).exists() for suffix in ("", *BESIDE)):
            return target.with_name(name)
    raise AssertionError("unreachable")
