"""Files that a script wrote: the newest that fits a name or pattern, and those like results."""

import os
from collections.abc import Sequence
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from glob import escape, glob, has_magic
from pathlib import Path, PurePath

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.core.printable import printable
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.launch import expand_project
from fieldsharp.sweep.study.formatting import PROJECT

SUFFIXES = (
    *(".npy", ".npz", ".pt", ".pth", ".h5", ".hdf5", ".nc", ".zarr"),
    *(".csv", ".json", ".jsonl", ".ndjson"),
)
"""Of files that look like results."""
EVENTS = "tfevents"
"""In the name of every event file of TensorBoard."""
SHOWN = 3
MOST_SEEN = 2000


def matches(folder: Path, name: str, settings: ScriptSettings) -> list[Path]:
    """Return what fits a name or pattern of the settings, the newest last.

    Args:
        folder: The script's copy of its project.
        name: Relative to it, or with the placeholder of the original project.
        settings: Of the script.
    """
    plain = folder / expand_project(name, settings)
    if not has_magic(name) or os.path.lexists(plain):
        return [plain] if os.path.lexists(plain) else []
    # Signs in the names of the folders are no pattern.
    own = name.replace(PROJECT, escape(settings.project))
    found = glob(os.path.join(escape(str(folder)), own), recursive=True)  # noqa: PTH118, PTH207
    inside = [Path(one) for one in found if _belongs(Path(one), folder, name)]
    return sorted(inside, key=lambda path: (path.stat().st_mtime_ns, str(path)))


def fits(path: PurePath, name: str) -> bool:
    """Return whether a path relative to a project has a name, or fits a pattern, of the settings.

    As ``matches`` finds it in a folder, without a walk over links that may lead in a circle.
    """
    wanted = PurePath(name)
    return path == wanted or (has_magic(name) and _fit(path.parts, wanted.parts))


def _fit(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    pattern, *rest = patterns
    if pattern == "**":
        shown = next((n for n, part in enumerate(parts) if part.startswith(".")), len(parts))
        return any(_fit(parts[skipped:], rest) for skipped in range(shown + 1))
    if not parts or (parts[0].startswith(".") and not pattern.startswith(".")):
        return False
    return fnmatchcase(parts[0], pattern) and _fit(parts[1:], rest)


def _belongs(path: Path, folder: Path, name: str) -> bool:
    """Return whether what fits a pattern is the script's own, not in a folder that is shared."""
    if not path.exists():
        return False
    is_plain = path.is_file() or path.suffix == ".zarr"
    return is_plain and (PROJECT in name or path.resolve().is_relative_to(folder.resolve()))


def newest(folder: Path, name: str, settings: ScriptSettings) -> Path:
    """Return the newest file of a trial that fits a name or pattern.

    Raises:
        TrainingFailed: If none does, with what the script wrote instead.
    """
    found = [path for path in matches(folder, name, settings) if path.exists()]
    if found:
        return found[-1]
    alike = _like_results(folder, name)
    wrote = f"it wrote {', '.join(map(printable, alike))}; " if alike else ""
    what = "file that fits" if has_magic(name) else "file"
    raise TrainingFailed(
        f"the script ended without an error and there is no {what} {name}; {wrote}write it, or "
        "name the one that it writes"
    )


def _like_results(folder: Path, name: str) -> list[str]:
    """Return the files that the script wrote which look like results, the likest names first."""
    snapshot = folder.parent.parent.parent / "project"
    found = []
    for seen, (above, folders, files) in enumerate(os.walk(folder)):
        if seen > MOST_SEEN:
            break
        stores = [one for one in folders if one.endswith(".zarr")]
        folders[:] = [one for one in folders if one not in stores]
        for one in (*files, *stores):
            path = Path(above, one).relative_to(folder)
            like = path.suffix.lower() in SUFFIXES or EVENTS in one
            if like and not (snapshot / path).exists() and one != "sweep-values.json":
                found.append(str(path))
    wanted = Path(name)

    def likeness(path: str) -> float:
        alike = SequenceMatcher(None, path, name).ratio()
        return alike + (Path(path).suffix == wanted.suffix)

    return sorted(found, key=likeness, reverse=True)[:SHOWN]
