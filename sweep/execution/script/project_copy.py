"""Copies of a project: whatever a script writes, the original stays as it is."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path, PurePath

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.sweep.configuration.script_settings import ScriptSettings

MOST_MB = 256
MOST_FILES = 20_000
_NOT_COPIED = {".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", "venv", ".tox"}
_ENDINGS = (".pyc", ".db", ".db-wal", ".db-shm", ".lock", ".files")
"""Caches, and what a sweep keeps beside its database, in which these copies stand themselves."""


def project_files(project: Path, left_out: Collection[str] = ()) -> Iterator[Path]:
    """Yield what is copied of a project, relative to it, in order.

    Raises:
        OSError: If a folder cannot be read.
    """
    apart = {project.joinpath(name) for name in left_out}

    def below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path in apart or _is_skipped(path):
                continue
            if path.is_dir():
                real = path.resolve()
                if real not in above:  # a link to a folder it stands in has no end
                    yield from below(path, (*above, real))
            elif path.is_file():
                yield path.relative_to(project)

    return below(project, (project.resolve(),))


def _is_skipped(path: Path) -> bool:
    is_cache = path.name.startswith(".") and path.name.endswith("_cache")
    return (
        path.name in _NOT_COPIED
        or path.name.endswith(_ENDINGS)
        or is_cache
        or (path / "pyvenv.cfg").exists()
        or path.with_name(path.name + ".files").exists()  # a database, whatever its name
    )


def require_project(settings: ScriptSettings) -> None:
    """Check that a project can be copied.

    Raises:
        ConfigError: If it is not there, too large, cannot be read, or lacks what is named of it.
    """
    project = Path(settings.project)
    if not project.is_dir():
        raise ConfigError(f"trainer.project {project} is no folder; give that of the script")
    for key, names in (("links", settings.links), ("leave_out", settings.leave_out)):
        for name in names:
            if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
                raise ConfigError(
                    f"trainer.{key} names {name!r}, which lies outside the project; name what is "
                    "in it"
                )
    for link in settings.links:
        if not project.joinpath(link).exists():
            raise ConfigError(f"trainer.links names {link!r}, and {project} has none; remove it")
    size, most = 0, Counter[str]()
    try:
        for count, path in enumerate(project_files(project, apart(settings)), 1):
            file = project / path
            with file.open("rb"):
                pass
            bytes_there = file.stat().st_size
            size += bytes_there
            most[path.parts[0]] += bytes_there
            if size > MOST_MB * 2**20 or count > MOST_FILES:
                raise ConfigError(
                    f"trainer.project {project} holds more than {MOST_MB} MB or {MOST_FILES} "
                    f"files, most of it in {most.most_common(1)[0][0]}, and is copied for every "
                    "trial; name its data under trainer.links and old results under "
                    "trainer.leave_out"
                )
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be read ({error.strerror}), and the project is copied for "
            "every trial; make it readable, or name it under trainer.leave_out"
        ) from error


def apart(settings: ScriptSettings) -> tuple[str, ...]:
    """Return what of a project is not copied."""
    return (*settings.links, *settings.leave_out)


def copy_files(project: Path, folder: Path, left_out: Collection[str] = ()) -> None:
    """Copy the files of a project into a new folder, in place of an earlier copy.

    Raises:
        OSError: If they cannot be read or written.
    """
    if folder.exists():
        shutil.rmtree(folder)
    make_private_folder(folder)
    for path in project_files(project, left_out):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / path, target)
        with suppress(OSError):  # a program of the project's stays one
            shutil.copymode(project / path, target)
            target.chmod(target.stat().st_mode | 0o600)


def copy_for_trial(settings: ScriptSettings, kept: Path, folder: Path) -> None:
    """Make the folder a trial runs in: of what is kept of the project, with its data linked.

    Raises:
        OSError: If it cannot be read or written.
    """
    copy_files(kept, folder)
    for link in settings.links:
        place = folder / link
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(Path(settings.project) / link)
    for name in settings.leave_out:
        if Path(settings.project, name).is_dir():  # a script may rely on its being there
            (folder / name).mkdir(parents=True, exist_ok=True)


def project_sha256(settings: ScriptSettings) -> str:
    """Return the SHA-256 of the names and contents of a project's Python files."""
    project, digest = Path(settings.project), hashlib.sha256()
    for path in project_files(project, apart(settings)):
        if path.suffix == ".py":
            digest.update(str(path).encode() + b"\0" + (project / path).read_bytes() + b"\0")
    return digest.hexdigest()
