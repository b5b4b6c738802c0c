"""The folder in which series are stored: one for each content of the data and way of reading it."""

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex

from fieldsharp.core.errors import DataError
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.field_source import FieldSource
from fieldsharp.fields.stored_series.series_file import (
    FilledValues,
    bytes_of,
    is_in_use,
    open_series,
    write_series,
)
from fieldsharp.fields.stored_series.series_key import series_key

logger = logging.getLogger(__name__)

LEAST_MB = 256
"""Smaller data are held in the memory of each process, by default."""
ON_DISK = "/var/tmp"  # noqa: S108 - with a folder of an unguessable name in it
LOCK = "making.lock"
PRIVATE_MODE = 0o700
TRY_EVERY_S = 0.05
MOST_TRIES = 100
MB = 2**20


@dataclass(frozen=True)
class SeriesStore:
    """Where the series of some data are stored, if they are large.

    Attributes:
        folder: Of this user alone; made when the first series is stored.
        content: Returns the SHA-256 of the data; asked for only if a series is large.
        above_mb: Data of more MB in single precision are stored.
        floor_mb: Space that stays free on the disk.
        verify: Whether all values of a series made earlier are compared with their checksum.
        makes: Whether missing series are made; else they are read into memory.
        check: Raises an error if the folder may not be used; called only if a series is large.
        made: Keys of the series that were made, of this process.
    """

    folder: Path
    content: Callable[[], str]
    above_mb: float = LEAST_MB
    floor_mb: float = 0.0
    verify: bool = False
    makes: bool = True
    check: Callable[[], None] = lambda: None
    made: list[str] = field(default_factory=list)

    def shared_by(self, variables: int) -> "SeriesStore":
        """Return this store for one of so many variables, which are large together."""
        return replace(self, above_mb=self.above_mb / variables)

    def series(self, source: FieldSource, settings: DataSettings) -> FilledValues | None:
        """Return a series, made if it is missing or damaged; None where it is held in memory.

        Raises:
            DataError: If it cannot be made: see ``write_series``, or the disk has no room.
        """
        shape = source.header.shape
        if bytes_of(shape) <= self.above_mb * MB:
            return None
        self.check()
        key = series_key(settings, self.content())
        found = open_series(self.folder / key, shape, verify=self.verify)
        if found is None and self.makes:
            found = self._made(key, source, settings)
        return found

    def remove_made(self) -> None:
        """Remove what was made by this process, and the folders that are then empty."""
        for key in self.made:
            shutil.rmtree(self.folder / key, ignore_errors=True)
        # Not while another process holds the lock, which then writes a series.
        with suppress(OSError), (self.folder / LOCK).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left = {path.name for path in self.folder.iterdir()}
            if left == {LOCK} and _is_at(self.folder / LOCK, lock.fileno()):
                (self.folder / LOCK).unlink()
                self.folder.rmdir()
                self.folder.parent.rmdir()

    def _made(self, key: str, source: FieldSource, settings: DataSettings) -> FilledValues:
        shape, target = source.header.shape, self.folder / key
        more_mb = bytes_of(shape) // MB + 1
        partial = self.folder / f".{key}.{token_hex(4)}.partial"
        try:
            with _locked(self.folder):
                # Another process may have made it meanwhile.
                found = open_series(target, shape, verify=self.verify)
                if found is not None:
                    return found
                for left in (target, *self.folder.glob(".*.partial")):
                    shutil.rmtree(left, ignore_errors=True)
                self._require_room(bytes_of(shape), source.header.name)
                _announce(source, self.folder)
                try:
                    partial.mkdir(mode=PRIVATE_MODE)
                    write_series(source, settings.min_valid_share, partial)
                    partial.rename(target)
                except BaseException:
                    shutil.rmtree(partial, ignore_errors=True)
                    raise
                self.made.append(key)
                found = open_series(target, shape, verify=False)
        except OSError as error:
            raise DataError(
                f"variable {source.header.name!r} cannot be written to {self.folder} "
                f"({error.strerror or error}); make that folder writable and make room, or hold "
                f"the data in memory with --set workers.share_data_above_mb={more_mb}"
            ) from error
        assert found is not None, "it was made just now"
        return found

    def _require_room(self, needed: int, name: str) -> None:
        free = shutil.disk_usage(self.folder).free
        if needed > free - self.floor_mb * MB:
            stays = f", of which {self.floor_mb:.0f} MB stay free" if self.floor_mb else ""
            raise DataError(
                f"variable {name!r} takes {needed / MB:.0f} MB in {self.folder}, and the disk has "
                f"{free / MB:.0f} MB{stays}; make room, cut out a region or a period, or hold the "
                f"data in memory with --set workers.share_data_above_mb={needed // MB + 1}"
            )


def remove_unused(folder: Path, used: Collection[str]) -> None:
    """Remove the series that are not among the used ones, and that no process has opened."""
    if not folder.is_dir():
        return
    with _locked(folder):
        for path in folder.iterdir():
            is_series = path.is_dir() and not path.is_symlink()
            if is_series and path.name not in used and not is_in_use(path):
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def temporary_store(above_mb: float = LEAST_MB, floor_mb: float = 0.0) -> Iterator[SeriesStore]:
    """Give a store that is removed at the end, also after Ctrl-C.

    In the folder that ``TMPDIR`` names, else in ``/var/tmp``: ``/tmp`` is in memory on many
    machines.
    """
    place = Path(os.environ.get("TMPDIR") or ON_DISK)
    folder = place / f"fieldsharp-{token_hex(8)}"
    try:
        yield SeriesStore(folder, lambda: "", above_mb, floor_mb)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _announce(source: FieldSource, folder: Path) -> None:
    header = source.header
    logger.info(
        "variable %r is larger than what is held in memory: %.0f MB of it are written to %s once",
        header.name,
        bytes_of(header.shape) / MB,
        folder,
    )


def _make_private(folder: Path) -> None:
    for path in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        path.mkdir(mode=PRIVATE_MODE, exist_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; a process that waits for it can be interrupted."""
    while True:
        descriptor = _opened_lock(folder)
        try:
            _wait_for_lock(descriptor, folder)
            if _is_at(folder / LOCK, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


def _opened_lock(folder: Path) -> int:
    """Return the opened file of the lock, in a folder that is made if it is missing."""
    tries = 0
    while True:
        try:
            _make_private(folder)
            return os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # another process removed the folder just now
            tries += 1
            if tries == MOST_TRIES:
                raise


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether an opened file is still the one at a path: who held it may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _wait_for_lock(descriptor: int, folder: Path) -> None:
    waits = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not waits:
                logger.info("another process writes to %s: it is waited for", folder)
            waits = True
            time.sleep(TRY_EVERY_S)
        else:
            return
