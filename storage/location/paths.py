"""Paths of the files next to a database.

``sweeps.db`` has ``sweeps.db.files``, of this user alone:

    opening.lock          held while the tables are made or upgraded
    <study>.lock          held by the study's coordinator; names its process
    <study>.stop          written by `stop` where that process cannot be signalled
    backups/              copies of the database, ``<stem>.<number>.db``, the newest the highest
    artifacts/            uploads of the dashboard
    series/               data too large for the memory of each worker, as they are read: see
                          ``fields.stored_series``; of all studies of the same data
    data/                 data that a program gave in memory, under the hash of their contents
    <identity>/           of one study: the identity is drawn when the study is made, so that a
                          study of the same name in a new database never takes up another's files
        spool/            results that are not in the database yet
        trials/, confirm/ checkpoints, by trial and attempt
        project/          of a script's study: its project as it was when the study began
        output/           printed output of scripts, by trial
        samples/          data of the preview pictures, by trial
        tracking/         epochs of running trials and locks and messages of trackers

A database on a server has the same in ``<host>-<port>-<database>.files`` of the working folder, or
in the folder its address names: ``?files=/folder``. PostgreSQL keeps the locks itself.
"""

import hashlib
import os
import re
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.owned_folders import (
    Mode,
    check_shared_folder,
    may_be_read,
    owner_of,
    require_usable,
)
from fieldsharp.storage.location.url import sqlite_path

SUFFIX = ".files"
SERIES = "series"
BACKUPS_KEPT = 5


def files_folder(url: str) -> Path:
    """Return the folder of the files of a database."""
    path = sqlite_path(url)
    if path is not None:
        if path.is_symlink():  # by whatever name it is opened, it has one lock and one spool
            path = Path(os.path.realpath(path))  # unlike resolve it takes a loop of links
        return path.with_name(path.name + SUFFIX)
    # Imported here: it loads SQLAlchemy, which a database in a file does not need for this.
    from fieldsharp.storage.location.server_url import named_folder, parsed

    named = named_folder(url)
    if named is not None:
        return named
    parts = parsed(url)
    host = parts.host or parts.query.get("host") or "local"
    port = f"-{parts.port}" if parts.port else ""
    name = re.sub(r"[^\w.-]+", "_", f"{host}{port}-{parts.database or 'default'}")
    return Path(name + SUFFIX)


def check_files_folder(url: str, mode: Mode) -> None:
    """Check that the folder next to a database may be used; it may be missing.

    A folder that the address of a server names with ``?files=`` is the user's choice: it may be a
    link, and may be shared with others, each with folders of their own in it.

    Raises:
        ConfigError: If it may not be used, see ``storage.durable_files.owned_folders``, or the
            database is a folder itself.
    """
    path = sqlite_path(url)
    if path is not None and path.is_dir():
        raise ConfigError(
            f"storage {path} is a folder; name a file in it, such as {path / 'sweeps.db'}"
        )
    folder = files_folder(url)
    if path is None:
        from fieldsharp.storage.location.server_url import named_folder

        if named_folder(url) is not None:
            check_shared_folder(folder)
            return
    owner = owner_of(path) if path is not None and mode == "read" else set()
    require_usable(folder, mode, {os.geteuid()} | owner)


def backups_folder(url: str) -> Path:
    """Return the folder of a database's backups."""
    return files_folder(url) / "backups"


def series_folder(url: str) -> Path:
    """Return the folder of the data that workers share."""
    return files_folder(url) / SERIES


def given_data_folder(url: str) -> Path:
    """Return the folder of data that a program gave in memory."""
    return files_folder(url) / "data"


def artifacts_folder(url: str) -> Path:
    """Return the folder of uploads to the dashboard."""
    return files_folder(url) / "artifacts"


def init_lock_path(url: str) -> Path:
    """Return the file that is locked while tables are made or upgraded."""
    return files_folder(url) / "opening.lock"


def study_lock(url: str, study: str) -> Path:
    """Return the file a study's coordinator locks."""
    # The name is hashed: a study may be called anything, a file may not.
    return files_folder(url) / f"{_digest(study)}.lock"


def stop_request(url: str, study: str) -> Path:
    """Return the file in which ``stop`` asks a study's coordinator to end."""
    return files_folder(url) / f"{_digest(study)}.stop"


def study_folder(url: str, identity: str) -> Path:
    """Return the folder of one study's spool and checkpoints.

    Raises:
        ValueError: If the identity, which comes out of the database, could lead elsewhere.
    """
    if not re.fullmatch(r"[0-9a-f]{8,64}", identity):
        raise ValueError(f"a study's identity is a hexadecimal number, found {identity!r}")
    return files_folder(url) / identity


def backups(url: str) -> list[Path]:
    """Return the backups of a database file, oldest first; none for a server's."""
    path, folder = sqlite_path(url), backups_folder(url)
    if path is None or not may_be_read(folder):
        return []
    files = (file for file in folder.iterdir() if not file.is_symlink() and file.is_file())
    numbered = {backup_number(path, file): file for file in files}
    return [file for number, file in sorted(numbered.items()) if number > 0]


def newest_backup(url: str) -> Path | None:
    """Return the newest backup of a database, None if there is none."""
    return next(reversed(backups(url)), None)


def backup_path(url: str, path: Path, number: int) -> Path:
    """Return the backup of this number."""
    return backups_folder(url) / f"{path.stem}.{number:06d}.db"


def backup_number(path: Path, file: Path) -> int:
    """Return the number of a backup, 0 if the file is none of this database's."""
    found = re.fullmatch(rf"{re.escape(path.stem)}\.(\d{{6,}})\.db", file.name)
    return int(found[1]) if found else 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
