"""What a message about a database tells a person to do."""

import shlex

from storage.kept_backups import newest_backup
from storage.url import DEFAULT_URL, mask_password


def storage_command(url: str, command: str) -> str:
    """Return a command on this database as it is typed."""
    option = f" --storage {shlex.quote(url)}"
    # An address with a password is not typed: it is in the environment already.
    if url == DEFAULT_URL or mask_password(url) != url:
        option = ""
    return f"`python run_sweep.py storage {command}{option}`"


def restore_advice(url: str, *, otherwise: str) -> str:
    """Return how to put the newest backup back.

    Args:
        url: The database.
        otherwise: What else can be done; the only thing where there is no backup.
    """
    newest = newest_backup(url)
    if newest is None:
        return f"there is no backup beside it: {otherwise}"
    restore = storage_command(url, "restore")
    return f"put the newest backup, {newest}, back with {restore}, or {otherwise}"
