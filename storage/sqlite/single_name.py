"""A database file is used through one of its names at a time.

Why: see ``storage.sqlite.inode_locks``. Reading through a second name is refused too while the
first is written to: what is in the log of the first name would be missing.
"""

import logging
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.location.url import as_option, mask_password
from fieldsharp.storage.sqlite.file import beside, size_of
from fieldsharp.storage.sqlite.file_identity import other_links
from fieldsharp.storage.sqlite.inode_locks import Writer, hold_name, writer_through_another_name

logger = logging.getLogger(__name__)


def use_name(url: str, path: Path) -> None:
    """Keep every other name of a database from being used, until this process ends.

    Other names that nobody uses are warned of: they may be backups.

    Raises:
        ConfigError: If the database is in use through another name, or the write-ahead log of
            another name has changes that are not in the file.
    """
    links = other_links(path)
    for link in links:
        log = beside(link)[0]
        if size_of(log) > 0:
            its_url = f"sqlite:///{link}"
            raise ConfigError(
                f"storage {path} is also called {link}, and {log.name} has changes made through "
                "that name which are not in the file yet; move them into it with `python "
                f"run_sweep.py storage backup{as_option(its_url)}`, then run the same command again"
            )
    writer = hold_name(path)
    if writer is not None:
        raise _refusal(url, path, writer)
    try:
        count = path.stat().st_nlink
    except OSError:
        return
    if count > 1:
        names = ", ".join(map(str, links)) or "in another folder"
        logger.warning(
            "the database %s has another name (hard link: %s), which changes with it and is no "
            "backup; make one with python run_sweep.py storage backup, and use one name alone",
            mask_password(url),
            names,
        )


def require_name(url: str, path: Path) -> None:
    """Check that nobody writes to a database through another name.

    Raises:
        ConfigError: If somebody does.
    """
    writer = writer_through_another_name(path)
    if writer is not None:
        raise _refusal(url, path, writer)


def _refusal(url: str, path: Path, writer: Writer) -> ConfigError:
    by = f"process {writer.process}" if writer.process else "another process"
    if not writer.name:
        return ConfigError(
            f"storage {path} is in use by {by} under another name of the same file, and two names "
            "would have two logs; use that name, or end that process"
        )
    option = as_option(f"sqlite:///{writer.name}") or " without --storage"
    return ConfigError(
        f"storage {path} is the same file as {writer.name}, which is in use by {by} under that "
        f"name, and two names would have two logs; run the command with{option} instead of "
        f"{mask_password(url)}, or end that process"
    )
