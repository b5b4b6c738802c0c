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
from fieldsharp.sweep.commands.watch_output import WatchOutput
from fieldsharp.sweep.study.lookup import load_study, our_studies
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot
from fieldsharp.sweep.study.status.watcher import StudyWatcher

logger = logging.getLogger(__name__)


def watch(name: str, storage: RDBStorage, url: str, interval_s: float, output: WatchOutput) -> None:
    """Show a study until its coordinator has ended, or Ctrl-C is pressed.

    Raises:
        StudyError: If there is no such study.
        StorageError: If the database was removed or replaced, or cannot be read after the
            coordinator has ended.
    """
    watcher = StudyWatcher(load_study(storage, name), url)
    try:
        with output:
            for snapshot in _snapshots(watcher, url, name, interval_s):
                output.show(snapshot)
    except KeyboardInterrupt:
        return  # ends the watching; the sweep continues


def _snapshots(
    watcher: StudyWatcher, url: str, name: str, interval_s: float
) -> Iterator[SweepSnapshot]:
    warned, opened = False, OpenedFiles(url)
    while True:
        trouble = ""
        try:
            snapshot = watcher.look()
            opened.require_current()  # an open file can be read after it was removed
        except StorageUnavailable as error:
            if _is_known_to_have_ended(url, name):
                raise
            trouble = error.found
        except OSError as error:
            trouble = f"{error.filename} cannot be read ({error.strerror})"
        else:
            yield snapshot
            if not snapshot.is_run:
                if _is_known_to_have_ended(url, name):
                    return
                trouble = f"whether study {name!r} is being run cannot be seen"
        if trouble and not warned:
            logger.warning("%s: it is tried again", trouble)
        warned = bool(trouble)
        time.sleep(interval_s)


def _is_known_to_have_ended(url: str, name: str) -> bool:
    """Return whether a study surely has no coordinator; False if its lock cannot be read."""
    try:
        with suppress(FileNotFoundError):
            open_lock_to_read(study_lock(url, name)).close()
        return not study_lock_owner(url, name).alive
    except (OSError, StorageUnavailable):
        return False


def running_study(storage: RDBStorage, url: str) -> str | None:
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
