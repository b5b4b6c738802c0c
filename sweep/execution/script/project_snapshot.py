"""The project of a study as it was when the study began: every trial runs that.

Whoever edits the project meanwhile changes no trial, and a study that is gone on with later goes on
with the same code.
"""

import filecmp
import logging
from pathlib import Path

from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.project_copy import apart, copy_files, project_files
from fieldsharp.sweep.execution.script.results import forget_results

logger = logging.getLogger(__name__)
SHOWN = 3


def project_snapshot(study_folder: Path) -> Path:
    """Return where the project of a study is kept."""
    return study_folder / "project"


def save_project_snapshot(settings: ScriptSettings, kept: Path) -> None:
    """Keep a project as it is now, where it is not kept yet.

    Raises:
        OSError: If it cannot be read or written.
    """
    if kept.is_dir():
        return
    partial = kept.with_name(kept.name + ".partial")
    copy_files(Path(settings.project), partial, apart(settings))
    forget_results(settings, partial)
    partial.replace(kept)


def what_changed(settings: ScriptSettings, kept: Path) -> list[str]:
    """Return which files of a project are others than those kept, Python's first.

    New files count where they are Python's: all else may be a result. The file of the sweep itself
    does not; its settings are compared by themselves.

    Raises:
        OSError: If a file cannot be read.
    """
    project = Path(settings.project)
    here, there = set(project_files(project, apart(settings))), set(project_files(kept))
    new = {path for path in here - there if path.suffix == ".py"}
    other = {
        path for path in here & there if not filecmp.cmp(project / path, kept / path, shallow=False)
    }
    found = {path for path in new | other | (there - here) if not _is_sweep_file(kept / path)}
    return [str(path) for path in sorted(found, key=lambda p: (p.suffix != ".py", p))]


def in_words(changed: list[str]) -> str:
    """Return the names of files that changed, of many only the first."""
    more = len(changed) - SHOWN
    return ", ".join(changed[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def differences(settings: ScriptSettings, kept: Path, study: str, *, resumed: bool) -> list[str]:
    """Return what speaks against going on with a study, its project being kept; warn of the rest.

    Args:
        settings: Of the script.
        kept: The project as it was.
        study: Its name, for the warning.
        resumed: Whether the study is to go on as it began, whatever the project is now.

    Raises:
        OSError: If a file cannot be read.
    """
    changed = what_changed(settings, kept)
    if changed and not resumed and changed[0].endswith(".py"):
        words = "has" if len(changed) == 1 else "have"
        return [
            f"{in_words(changed)} of trainer.project {words} changed (resume goes on as it was)"
        ]
    if changed:
        logger.warning(
            "%s: its trials run the project as it was when the study began; changed since: %s; for "
            "the project as it is now start a study of another name",
            study,
            in_words(changed),
        )
    return []


def _is_sweep_file(path: Path) -> bool:
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    return b"\ntrainer:" in b"\n" + path.read_bytes()
