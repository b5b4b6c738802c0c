"""Builds a script's command with a trial's values as flags, JSON, environment or constants."""

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
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.constant_rewriter import module_file, replace_constants
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


def script_values(settings: ScriptSettings) -> dict[str, Scalar]:
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
    settings: ScriptSettings, folder: Path, variables: Mapping[str, str]
) -> list[ScriptCall]:
    """Pass the values of a trial to its scripts in a copy of the project; return how to call them.

    Raises:
        ConfigError: If a program or constant is missing.
        OSError: If the folder cannot be written.
    """
    folder = folder.resolve()  # the script has another working folder than this process
    commands = [
        [
            _in_copy(find_program(settings, command[0]), settings, folder),
            *(expand_project(word, settings) for word in command[1:]),
        ]
        for command in settings.commands
    ]
    inherited = environment_without_secrets()
    if "PYTHONPATH" in inherited:
        inherited["PYTHONPATH"] = _search_path(inherited["PYTHONPATH"], settings, folder)
    defaults = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**defaults, **inherited, **variables}
    values = {settings.called(name): value for name, value in script_values(settings).items()}
    match settings.values:
        case "flags":
            for name, value in values.items():
                text = as_argument(value)
                # Else the value would be parsed as another flag: -1e-05.
                joined = name.startswith("--") and text.startswith("-")
                commands[0] += [f"{name}={text}"] if joined else [name, text]
        case "env":
            environment |= {name: as_argument(value) for name, value in values.items()}
        case "json":
            path = folder / "sweep-values.json"
            path.write_text(json.dumps(values, indent=2), encoding="utf-8")
            environment["SWEEP_VALUES"] = str(path)
        case "constants":
            write_constants(folder, values)
    return [ScriptCall(command, environment) for command in commands]


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


def as_argument(value: Scalar) -> str:
    """Return a value as a command-line argument: true and false as in YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_constants(folder: Path, values: Mapping[str, Scalar], *, write: bool = True) -> None:
    """Replace constants (``module:NAME``) in a copy of a project, or only check that it can be.

    Raises:
        ConfigError: If a constant is missing, or its module lies outside the copy.
        OSError: If a module cannot be read or written.
    """
    modules: dict[str, dict[str, Scalar]] = {}
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
