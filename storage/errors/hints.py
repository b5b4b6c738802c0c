"""What a message about a database tells a person to do."""

import shlex

from fieldsharp.storage.location.backup_files import newest_backup
from fieldsharp.storage.location.paths import backups_folder
from fieldsharp.storage.location.url import as_option


def storage_command(url: str, command: str) -> str:
    """Return a command on this database as it is typed."""
    return f"`python run_sweep.py storage {command}{as_option(url)}`"


def go_on(url: str, command: str, study: str) -> str:
    """Return how work on a study is gone on with.

    Args:
        url: The database.
        command: ``resume`` or ``confirm``.
        study: Its name.
    """
    return f"go on with python run_sweep.py {command} {shlex.quote(study)}{as_option(url)}"


def restore_advice(url: str, *, otherwise: str) -> str:
    """Return how to put the newest backup back.

    Args:
        url: The database.
        otherwise: What else can be done; the only thing where there is no backup.
    """
    try:
        newest = newest_backup(url)
    except OSError as error:
        where = error.filename or backups_folder(url)
        return f"whether there is a backup cannot be seen ({where}: {error.strerror}): {otherwise}"
    if newest is None:
        return f"there is no backup beside it: {otherwise}"
    restore = storage_command(url, "restore")
    return f"put the newest backup, {newest}, back with {restore}, or {otherwise}"
