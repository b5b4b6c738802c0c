"""Where everything stands that is kept beside a database.

``sweeps.db`` has ``sweeps.db.files``, of this user alone:

    opening.lock          held while the tables are made or upgraded
    <study>.lock          held by the study's coordinator; says which process that is
    <study>.stop          left by `stop` where that process cannot be signalled
    backups/              copies of the database, the newest with the highest number
    artifacts/            what was uploaded to the dashboard
    <identity>/           of one study: the identity is drawn when the study is made, so that a
                          study of the same name in a new database never takes up another's files
        spool/            results that are not in the database yet
        trials/, confirm/ checkpoints, by trial and attempt
        project/          of a script's study: its project as it was when the study began
        output/           what scripts printed, by trial
        samples/          what pictures are drawn from, by trial

A database on a server has the same in ``<host>-<port>-<database>.files`` of the folder one works
in, or where its address says: ``?files=/folder``. PostgreSQL keeps the locks itself.
"""

import hashlib
import os
import re
from pathlib import Path

from fieldsharp.storage.location.url import sqlite_path

SUFFIX = ".files"


def files_folder(url: str) -> Path:
    """Return the folder beside a database; for one on a server, what its address says, or here."""
    path = sqlite_path(url)
    if path is not None:
        if path.is_symlink():  # whatever name it is reached by, it has one lock and one spool
            path = Path(os.path.realpath(path))  # unlike resolve it takes a loop of links
        return path.with_name(path.name + SUFFIX)
    # Only here: who sweeps in a file need not load what knows the addresses of servers.
    from fieldsharp.storage.location.server_url import named_folder, parsed

    named = named_folder(url)
    if named is not None:
        return named
    parts = parsed(url)
    host = parts.host or parts.query.get("host") or "local"
    port = f"-{parts.port}" if parts.port else ""
    name = re.sub(r"[^\w.-]+", "_", f"{host}{port}-{parts.database or 'default'}")
    return Path(name + SUFFIX)


def backups_folder(url: str) -> Path:
    """Return the folder of the database's copies."""
    return files_folder(url) / "backups"


def artifacts_folder(url: str) -> Path:
    """Return the folder of what is uploaded to the dashboard."""
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
