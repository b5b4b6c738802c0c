"""Watching a study that another process runs, from the database alone."""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress

from optuna.storages import RDBStorage

from fieldsharp.core.errors import StorageUnavailable, StudyError
from fieldsharp.storage.durable_files.file_lock import open_lock_to_read
from fieldsharp.storage.location.paths import study_lock
from fieldsharp.storage.sqlite.opened_files import OpenedFiles
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.commands.watch_output import Show
from fieldsharp.sweep.study.lookup import load_study, our_studies
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot
from fieldsharp.sweep.study.status.watcher import StudyWatcher

logger = logging.getLogger(__name__)


def watch(name: str, storage: RDBStorage, url: str, interval_s: float, show: Show) -> None:
    """Show a study until no process runs it any more, or Ctrl-C is pressed.

    Args:
        name: Of the study.
        storage: The database, open for reading.
        url: Its address.
        interval_s: Seconds between two looks.
        show: What shows them.

    Raises:
        StudyError: If there is no such study.
        StorageError: If the database was removed or replaced, or cannot be read while nobody runs
            the study.
    """
    watcher = StudyWatcher(load_study(storage, name), url)
    try:
        with show:
            for snapshot in _looks(watcher, url, name, interval_s):
                show.look(snapshot)
    except KeyboardInterrupt:
        return  # whoever watches has seen enough, and the sweep goes on


def _looks(
    watcher: StudyWatcher, url: str, name: str, interval_s: float
) -> Iterator[SweepSnapshot]:
    said, opened = False, OpenedFiles(url)
    while True:
        trouble = ""
        try:
            snapshot = watcher.look()
            opened.require_current()  # a file that is open is read on after it was removed
        except StorageUnavailable as error:
            if _is_known_to_have_ended(url, name):
                raise
            trouble = error.found
        except OSError as error:
            trouble = f"{error.filename} cannot be looked at ({error.strerror})"
        else:
            yield snapshot
            if not snapshot.is_run:
                if _is_known_to_have_ended(url, name):
                    return
                trouble = f"whether study {name!r} is being run cannot be seen"
        if trouble and not said:
            logger.warning("%s: it is tried again", trouble)
        said = bool(trouble)
        time.sleep(interval_s)


def _is_known_to_have_ended(url: str, name: str) -> bool:
    """Return whether nobody runs a study; a server or a folder that is away cannot be asked."""
    try:
        with suppress(FileNotFoundError):
            open_lock_to_read(study_lock(url, name)).close()
        return not study_lock_owner(url, name).alive
    except (OSError, StorageUnavailable):
        return False


def study_at_work(storage: RDBStorage, url: str) -> str | None:
    """Return the study that is being run, None where none is.

    Raises:
        StudyError: If several are.
    """
    found = [name for name in our_studies(storage) if study_lock_owner(url, name).alive]
    if len(found) > 1:
        raise StudyError(
            f"{len(found)} studies are being run, {', '.join(found)}: name the one to watch"
        )
    return found[0] if found else None
