"""Builds a script's command with a trial's values in it, and writes those that are in files."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.checkout import is_tool_environment
from fieldsharp.core.errors import ConfigError
from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.sweep.configuration.ranges import GivenValue
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.command_line import CommandLine, as_argument
from fieldsharp.sweep.execution.script.constant_rewriter import module_file, replace_constants
from fieldsharp.sweep.execution.script.file_values import replace_entries
from fieldsharp.sweep.execution.script.flags_in_source import flags_in_source
from fieldsharp.sweep.study.formatting import PROJECT

PYTHON_NAMES = ("python", "python3")


@dataclass(frozen=True)
class ScriptCall:
    """The command line and the whole environment of a script."""

    command: list[str]
    environment: dict[str, str]


def expand_project(text: str, settings: ScriptSettings) -> str:
    """Return a text of the settings with the placeholder replaced by the project's folder."""
    return text.replace(PROJECT, settings.project)


def script_values(settings: ScriptSettings) -> dict[str, GivenValue]:
    """Return the values of a trial, by the names of the configuration."""
    given = settings.given.items()
    return {n: expand_project(v, settings) if isinstance(v, str) else v for n, v in given}


def find_program(settings: ScriptSettings, name: str) -> str:
    """Return the path of a command's program; for ``python``, of this interpreter.

    In an environment of pipx or uv, which has none of the user's packages, ``python`` is the one on
    the path.

    Raises:
        ConfigError: If there is no program of that name.
    """
    program = expand_project(name, settings)
    if program in PYTHON_NAMES and not (is_tool_environment() and shutil.which(program)):
        return sys.executable
    if os.sep in program and not Path(program).is_absolute():
        inside = Path(settings.project, program)
        if os.access(inside, os.X_OK) and inside.is_file():
            return str(Path(program))  # relative: found in the copy it runs in
        found = None
    else:
        found = shutil.which(program)
    if found is None:
        raise ConfigError(
            f"trainer.command: there is no program {program!r} that can be run; install it, or "
            "give its path"
        )
    return found


def prepare(
    settings: ScriptSettings,
    folder: Path,
    variables: Mapping[str, str],
    known: CommandLine | None = None,
) -> list[ScriptCall]:
    """Pass the values of a trial to its scripts in a copy of the project; return how to call them.

    Args:
        settings: Of the script, with the values under ``given``.
        folder: The copy.
        variables: Of the environment.
        known: What is known of the first command's command line; None reads it from its source.

    Raises:
        ConfigError: If a program, constant or entry of a file is missing, or a value cannot be
            passed.
        OSError: If the folder cannot be written.
    """
    folder = folder.resolve()  # the script has another working folder than this process
    values = script_values(settings)
    commands = command_words(settings, folder, values, known)
    commands = [
        [_in_copy(find_program(settings, command[0]), settings, folder), *command[1:]]
        for command in commands
    ]
    inherited = environment_without_secrets()
    if "PYTHONPATH" in inherited:
        inherited["PYTHONPATH"] = _search_path(inherited["PYTHONPATH"], settings, folder)
    defaults = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**defaults, **inherited, **variables}
    passed = {settings.called(n): value for n, value in values.items() if settings.is_passed(n)}
    match settings.values:
        case "env":
            environment |= {name: as_argument(value) for name, value in passed.items()}
        case "json":
            path = folder / "sweep-values.json"
            path.write_text(json.dumps(passed, indent=2), encoding="utf-8")
            environment["SWEEP_VALUES"] = str(path)
        case "constants":
            write_constants(folder, passed)
    write_entries(settings, folder, values)
    return [ScriptCall(command, environment) for command in commands]


def command_words(
    settings: ScriptSettings,
    folder: Path,
    values: Mapping[str, GivenValue],
    known: CommandLine | None = None,
) -> list[list[str]]:
    """Return the commands with the values that are placed in them, and those passed as flags.

    Raises:
        ConfigError: If a value cannot be written there.
    """
    lines = command_lines(settings, folder, values, known)
    commands = [
        [
            expand_project(command[0], settings),
            *(w for word in command[1:] for w in line.fill(word, values, settings.project)),
        ]
        for command, line in zip(settings.commands, lines, strict=True)
    ]
    if settings.values == "flags":
        for name, value in values.items():
            if settings.is_passed(name):
                commands[0] += lines[0].words(flag_of(settings, lines[0], name), value)
    return commands


def command_lines(
    settings: ScriptSettings,
    folder: Path,
    values: Mapping[str, GivenValue],
    known: CommandLine | None = None,
) -> list[CommandLine]:
    """Return what each command's script takes, as its source in a folder says.

    Args:
        settings: Of the script.
        folder: The project, or a copy of it.
        values: Of a trial, for a script whose name has one in it.
        known: What the first is known to take; None reads it too.
    """
    plain, lines = CommandLine(), []
    for number, command in enumerate(settings.commands):
        words = [w for word in command for w in plain.fill(word, values, settings.project)]
        lines.append(known if known and not number else flags_in_source(folder, words))
    return lines


def flag_of(settings: ScriptSettings, line: CommandLine, name: str) -> str:
    """Return the flag that passes a value."""
    return settings.names.get(name) or line.spelling(name)


def _in_copy(program: str, settings: ScriptSettings, folder: Path) -> str:
    """Return a program's path from the copy, which lacks the project's virtual environment."""
    original = Path(settings.project, program)
    return program if (folder / program).exists() or not original.exists() else str(original)


def _search_path(folders: str, settings: ScriptSettings, folder: Path) -> str:
    """Return PYTHONPATH with the project's folders replaced by the copy's."""
    project = Path(settings.project).resolve()
    found = []
    for name in folders.split(os.pathsep):
        real = Path(name).resolve()
        inside = Path(name).is_absolute() and real.is_relative_to(project)
        found.append(str(folder / real.relative_to(project)) if inside else name)
    return os.pathsep.join(found)


def write_entries(
    settings: ScriptSettings, folder: Path, values: Mapping[str, GivenValue], *, write: bool = True
) -> None:
    """Write values to entries of files in a copy of a project, or only check that it can be.

    Raises:
        ConfigError: If a file or an entry is missing, or lies outside the copy.
        OSError: If a file cannot be read or written.
    """
    files: dict[str, dict[str, GivenValue]] = {}
    for name, value in values.items():
        entry = settings.file_entry(name)
        if entry is not None:
            files.setdefault(entry.file, {})[entry.key] = value
    for file, entries in files.items():
        path = folder / file
        if not path.is_file():
            raise ConfigError(
                f"trainer.names names the file {file!r}, and {folder} has none; name a file of "
                "trainer.project by its path in it"
            )
        if write and not path.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(
                f"trainer.names names the file {file!r}, which is a link to {path.resolve()} and "
                "would be changed there; take it out of trainer.links"
            )
        changed = replace_entries(path.read_bytes(), entries, path)
        if write:
            path.write_bytes(changed)


def write_constants(folder: Path, values: Mapping[str, GivenValue], *, write: bool = True) -> None:
    """Replace constants (``module:NAME``) in a copy of a project, or only check that it can be.

    Raises:
        ConfigError: If a constant is missing, or its module lies outside the copy.
        OSError: If a module cannot be read or written.
    """
    modules: dict[str, dict[str, GivenValue]] = {}
    for name, value in values.items():
        module, _, constant = name.partition(":")
        modules.setdefault(module, {})[constant] = value
    for module, constants in modules.items():
        path = module_file(folder, module)
        if write and not path.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(
                f"trainer.names names the module {module!r}, which is a link to "
                f"{path.resolve()} and would be changed there; take it out of trainer.links"
            )
        source = replace_constants(path.read_bytes(), constants, path)
        if write:
            path.write_bytes(source)
