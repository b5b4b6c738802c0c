"""Making a new database, whole or not at all."""

import logging
from pathlib import Path

from optuna.storages import RDBStorage

from fieldsharp.core.partial_file import make_empty, partial_path
from fieldsharp.storage.location.backup_files import newest_backup
from fieldsharp.storage.location.url import sqlalchemy_address
from fieldsharp.storage.sqlite.replace import (
    clear_partials,
    discard,
    move_aside,
    put_in_place,
)

logger = logging.getLogger(__name__)


def make_database(url: str, path: Path) -> None:
    """Make a database of this user alone; to be called under the opening lock.

    Under another name first: killed before the last table, it would be an empty file, which looks
    like a database that lost everything.

    Raises:
        OSError: If the disk refuses.
        SQLAlchemyError: If SQLite does.
    """
    newest = newest_backup(url)
    if newest is not None:
        logger.warning(
            "the database %s is gone and a new one is made; its newest backup is %s", path, newest
        )
    target = path.resolve()
    clear_partials(target)
    move_aside(target)  # the log of a database that was removed would be replayed over this one
    partial = partial_path(target)
    try:
        make_empty(partial)
        RDBStorage(sqlalchemy_address(partial)).engine.dispose()
        put_in_place(partial, target)
    finally:
        discard(partial)
