"""Snapshot of a script's project, taken when a study begins: every trial runs a copy of it.

Editing the project meanwhile changes no trial, and a resumed study runs the same code.
"""

import filecmp
import logging
import shutil
from glob import has_magic
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.durable_files.regular_files import read_within
from fieldsharp.sweep.configuration.script_results import path_of
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.command_line import CommandLine
from fieldsharp.sweep.execution.script.project_copy import copy_files, excluded_names, project_files
from fieldsharp.sweep.execution.script.written_files import fits, matches
from fieldsharp.sweep.study.formatting import PROJECT

logger = logging.getLogger(__name__)
SHOWN = 3
COMMAND_LINE = "command_line.json"


def project_snapshot(study_folder: Path) -> Path:
    """Return the folder of a study's project snapshot."""
    return study_folder / "project"


def save_command_line(line: CommandLine, study_folder: Path) -> None:
    """Save what a script's command line takes, unless it is saved: all trials use the same.

    Raises:
        OSError: If it cannot be written.
    """
    path = study_folder / COMMAND_LINE
    if not path.exists():
        write_durably(path, line.model_dump_json().encode())


def read_command_line(study_folder: Path) -> CommandLine | None:
    """Return what was saved of a script's command line, None where nothing readable was."""
    try:
        return CommandLine.model_validate_json(read_within(study_folder / COMMAND_LINE))
    except (OSError, ValueError):
        return None


def save_project_snapshot(settings: ScriptSettings, snapshot: Path) -> None:
    """Save a snapshot of a project, unless there is one.

    Raises:
        OSError: If it cannot be read or written.
    """
    if snapshot.is_dir():
        return
    partial = snapshot.with_name(snapshot.name + ".partial")
    copy_files(Path(settings.project), partial, excluded_names(settings))
    _remove_results(settings, partial)
    partial.replace(snapshot)


def _remove_results(settings: ScriptSettings, folder: Path) -> None:
    """Remove results of an earlier run from a copy, which would pass for those of a trial.

    Raises:
        OSError: If it cannot be removed.
    """
    for name in _names_of_results(settings):
        for path in matches(folder, name, settings):
            if path.is_file() or path.is_symlink():
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)  # such as a Zarr store


def _names_of_results(settings: ScriptSettings) -> list[str]:
    truths = (one for one in (settings.truth, settings.training_truth) if one is not None)
    # A truth that a pattern names is written by the script; another may be of the project.
    patterns = (name for name in map(path_of, truths) if has_magic(name) and PROJECT not in name)
    return list(dict.fromkeys((*settings.results.values(), *patterns)))


def results_left_out(settings: ScriptSettings) -> list[str]:
    """Return a sentence if files of a project have names of results, and so are in no copy.

    Raises:
        ConfigError: If the project cannot be read.
    """
    project = Path(settings.project)
    try:
        copied = set(project_files(project, excluded_names(settings)))
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be read ({error.strerror}); make it readable"
        ) from error
    stores = {above for path in copied for above in path.parents if above.suffix == ".zarr"}
    names = _names_of_results(settings)
    found = sorted(str(p) for p in copied | stores if any(fits(p, name) for name in names))
    if not found:
        return []
    verb = "has the name of a result and is" if len(found) == 1 else "have names of results and are"
    return [f"{_name_first(found)} in the project {verb} removed from the copies of the trials"]


def changed_files(settings: ScriptSettings, snapshot: Path) -> list[str]:
    """Return the files of a project that differ from its snapshot, those that matter most first.

    These are Python files and files that values are written to. New files count if they are Python
    files: others may be results. The sweep's configuration file does not count; its settings are
    compared separately.

    Raises:
        OSError: If a file cannot be read.
    """
    project = Path(settings.project)
    now = set(project_files(project, excluded_names(settings)))
    before = set(project_files(snapshot))
    new = {path for path in now - before if path.suffix == ".py"}
    other = {
        path
        for path in now & before
        if not filecmp.cmp(project / path, snapshot / path, shallow=False)
    }
    found = {path for path in new | other | (before - now) if not _is_sweep_file(snapshot / path)}
    return [str(path) for path in sorted(found, key=lambda p: (not _is_code(settings, p), p))]


def _is_code(settings: ScriptSettings, path: Path) -> bool:
    """Whether trials of a project with another version of this file would be other trainings."""
    return path.suffix == ".py" or path in settings.files_with_values


def _name_first(changed: list[str]) -> str:
    """Return the names of changed files, of many only the first."""
    more = len(changed) - SHOWN
    return ", ".join(changed[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def project_differences(
    settings: ScriptSettings, snapshot: Path, study: str, *, resumed: bool
) -> list[str]:
    """Return the changes of a project that prevent continuing a study; warn of the others.

    A resumed study continues with the snapshot, whatever the project is now.

    Raises:
        OSError: If a file cannot be read.
    """
    changed = changed_files(settings, snapshot)
    if changed and not resumed and _is_code(settings, Path(changed[0])):
        verb = "has" if len(changed) == 1 else "have"
        return [
            f"{_name_first(changed)} of trainer.project {verb} changed (resume goes on as it was)"
        ]
    if changed:
        logger.warning(
            "%s: its trials run the project as it was when the study began; changed since: %s; for "
            "the project as it is now start a study of another name",
            study,
            _name_first(changed),
        )
    return []


def _is_sweep_file(path: Path) -> bool:
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    text = b"\n" + path.read_bytes()
    return b"\ntrainer:" in text and b"command" in text  # Lightning's have a trainer too
