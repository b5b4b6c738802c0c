"""Copies a script's project, so that the script never writes to the original."""

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
_SKIPPED_NAMES = {".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", "venv", ".tox"}
_SKIPPED_ENDINGS = (".pyc", ".db", ".db-wal", ".db-shm", ".lock", ".files")
"""Caches, and a sweep's database and files, which contain these copies."""


def project_files(project: Path, excluded: Collection[str] = ()) -> Iterator[Path]:
    """Yield the files of a project to copy, relative to it, in order.

    Raises:
        OSError: If a folder cannot be read.
    """
    excluded_paths = {project.joinpath(name) for name in excluded}

    def below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path in excluded_paths or _is_skipped(path):
                continue
            if path.is_dir():
                real = path.resolve()
                if real not in above:  # a link to a parent folder would recurse forever
                    yield from below(path, (*above, real))
            elif path.is_file():
                yield path.relative_to(project)

    return below(project, (project.resolve(),))


def _is_skipped(path: Path) -> bool:
    is_cache = path.name.startswith(".") and path.name.endswith("_cache")
    return (
        path.name in _SKIPPED_NAMES
        or path.name.endswith(_SKIPPED_ENDINGS)
        or is_cache
        or (path / "pyvenv.cfg").exists()
        or path.with_name(path.name + ".files").exists()  # a database, whatever its name
    )


def require_project(settings: ScriptSettings) -> None:
    """Check that a project can be copied.

    Raises:
        ConfigError: If it is missing, too large, unreadable, or lacks a link that is configured.
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
    size, bytes_by_name = 0, Counter[str]()
    try:
        for count, path in enumerate(project_files(project, excluded_names(settings)), 1):
            file = project / path
            with file.open("rb"):
                pass
            file_bytes = file.stat().st_size
            size += file_bytes
            bytes_by_name[path.parts[0]] += file_bytes
            if size > MOST_MB * 2**20 or count > MOST_FILES:
                raise ConfigError(
                    f"trainer.project {project} holds more than {MOST_MB} MB or {MOST_FILES} "
                    f"files, most of it in {bytes_by_name.most_common(1)[0][0]}, and is copied for "
                    "every trial; name its data under trainer.links and old results under "
                    "trainer.leave_out"
                )
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be read ({error.strerror}), and the project is copied for "
            "every trial; make it readable, or name it under trainer.leave_out"
        ) from error


def excluded_names(settings: ScriptSettings) -> tuple[str, ...]:
    """Return the names in a project that are not copied."""
    return (*settings.links, *settings.leave_out)


def copy_files(project: Path, folder: Path, excluded: Collection[str] = ()) -> None:
    """Copy the files of a project into a new folder, replacing an earlier copy.

    Raises:
        OSError: If they cannot be read or written.
    """
    if folder.exists():
        shutil.rmtree(folder)
    make_private_folder(folder)
    for path in project_files(project, excluded):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / path, target)
        with suppress(OSError):  # an executable stays executable
            shutil.copymode(project / path, target)
            target.chmod(target.stat().st_mode | 0o600)


def copy_for_trial(settings: ScriptSettings, snapshot: Path, folder: Path) -> None:
    """Create the folder a trial runs in: a copy of the project's snapshot, with its data linked.

    Raises:
        OSError: If it cannot be read or written.
    """
    copy_files(snapshot, folder, excluded_names(settings))
    for link in settings.links:
        place = folder / link
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(Path(settings.project) / link)
    for name in settings.leave_out:
        if Path(settings.project, name).is_dir():  # a script may rely on the folder
            (folder / name).mkdir(parents=True, exist_ok=True)


def project_sha256(settings: ScriptSettings) -> str:
    """Return the SHA-256 of a project's Python files, and of those that values are written to."""
    project, digest = Path(settings.project), hashlib.sha256()
    with_values = settings.files_with_values
    for path in project_files(project, excluded_names(settings)):
        if path.suffix == ".py" or path in with_values:
            digest.update(str(path).encode() + b"\0" + (project / path).read_bytes() + b"\0")
    return digest.hexdigest()
