"""Which backups of a database there are: ``<stem>.<number>.db``, the newest the highest."""

import re
from pathlib import Path

from fieldsharp.storage.location.owned_folders import may_be_read
from fieldsharp.storage.location.paths import backups_folder
from fieldsharp.storage.location.url import sqlite_path

BACKUPS_KEPT = 5


def backups(url: str) -> list[Path]:
    """Return the backups of a database, oldest first; none for one that is no file."""
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
    """Return the number of a backup of the database at a path, 0 if the file is none."""
    found = re.fullmatch(rf"{re.escape(path.stem)}\.(\d{{6,}})\.db", file.name)
    return int(found[1]) if found else 0
