"""Keeps a database file from being used through two of its names at a time.

The reason is in ``storage.sqlite.inode_locks``. Reading through a second name is refused too while
the first is written to: the changes in the log of the first name would be missing.
"""

import logging
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.program_name import program
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.url import as_option
from fieldsharp.storage.sqlite.file import hard_links, sidecar_files, size_of
from fieldsharp.storage.sqlite.inode_locks import Writer, lock_name, writer_through_another_name

logger = logging.getLogger(__name__)


def reserve_name(url: str, path: Path) -> None:
    """Reserve the name a database is opened by, until this process ends.

    Other names that no process uses cause a warning: they may be meant as backups.

    Raises:
        ConfigError: If the database is in use through another name, or the write-ahead log of
            another name has changes that are not in the file.
    """
    links = hard_links(path)
    for link in links:
        log = sidecar_files(link)[0]
        if size_of(log) > 0:
            url_of_link = f"sqlite:///{link}"
            raise ConfigError(
                f"storage {path} is also called {link}, and {log.name} has changes made through "
                "that name which are not in the file yet; move them into it with "
                f"`{program()} storage backup{as_option(url_of_link)}`, then run the same command "
                "again"
            )
    writer = lock_name(path)
    if writer is not None:
        raise _in_use_error(url, path, writer)
    try:
        count = path.stat().st_nlink
    except OSError:
        return
    if count > 1:
        names = ", ".join(map(str, links)) or "in another folder"
        logger.warning(
            "the database %s has another name (hard link: %s), which changes with it and is no "
            "backup; make one with %s storage backup, and use one name alone",
            mask_password(url),
            names,
            program(),
        )


def require_single_name(url: str, path: Path) -> None:
    """Check that no process writes to a database through another name.

    Raises:
        ConfigError: If one does.
    """
    writer = writer_through_another_name(path)
    if writer is not None:
        raise _in_use_error(url, path, writer)


def _in_use_error(url: str, path: Path, writer: Writer) -> ConfigError:
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
