"""The copy of a project a trial works in: whatever a script writes, the original stays as it is."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from fields.errors import ConfigError
from storage.private_files import make_private_folder

MOST_MB = 256
MOST_FILES = 20_000
_NOT_COPIED = {".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", "venv", ".tox"}
_ENDINGS = (".pyc", ".db", ".db-wal", ".db-shm", ".lock", "_cache", ".files")
"""Caches, and what a sweep keeps beside its database, in which these copies stand themselves."""


def project_files(project: Path, links: Sequence[str]) -> Iterator[Path]:
    """Yield what is copied of a project, relative to it, in order."""
    linked = {project.joinpath(link) for link in links}

    def below(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            skipped = path.name in _NOT_COPIED or path.name.endswith(_ENDINGS) or path in linked
            if skipped or (path / "pyvenv.cfg").exists():
                continue
            if path.is_dir():
                yield from below(path)
            elif path.is_file():
                yield path.relative_to(project)

    return below(project)


def require_project(project: Path, links: Sequence[str]) -> None:
    """Check that a project can be copied for every trial.

    Raises:
        ConfigError: If it is not there, too large, or lacks what is linked.
    """
    if not project.is_dir():
        raise ConfigError(f"trainer.project {project} is no folder; give that of the script")
    for link in links:
        if PurePath(link).is_absolute() or ".." in PurePath(link).parts:
            raise ConfigError(
                f"trainer.links names {link!r}, which lies outside the project; name what is in it"
            )
        if not project.joinpath(link).exists():
            raise ConfigError(f"trainer.links names {link!r}, and {project} has none; remove it")
    size = 0
    for count, path in enumerate(project_files(project, links), 1):
        size += project.joinpath(path).stat().st_size
        if size > MOST_MB * 2**20 or count > MOST_FILES:
            raise ConfigError(
                f"trainer.project {project} holds more than {MOST_MB} MB or {MOST_FILES} files, "
                "and is copied for every trial; name its data and results under trainer.links, or "
                "give the folder of the script alone"
            )


def copy_project(project: Path, links: Sequence[str], folder: Path) -> None:
    """Copy a project into a new folder, in place of an earlier copy.

    Raises:
        OSError: If it cannot be read or written.
    """
    if folder.exists():
        shutil.rmtree(folder)
    make_private_folder(folder)
    for path in project_files(project, links):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / path, target)
        with suppress(OSError):  # a program of the project's stays one
            shutil.copymode(project / path, target)
            target.chmod(target.stat().st_mode | 0o600)
    for link in links:
        place = folder / link
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(project / link)


def project_sha256(project: Path, links: Sequence[str]) -> str:
    """Return the SHA-256 of the names and contents of a project's Python files."""
    digest = hashlib.sha256()
    for path in project_files(project, links):
        if path.suffix == ".py":
            digest.update(str(path).encode() + b"\0" + (project / path).read_bytes() + b"\0")
    return digest.hexdigest()
