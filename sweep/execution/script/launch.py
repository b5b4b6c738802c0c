"""Handing the values of a trial to a script: as flags, JSON, environment or constants."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.constant_rewriter import module_file, replaced
from fieldsharp.sweep.study.formatting import PROJECT

OWN_PYTHON = ("python", "python3")


@dataclass(frozen=True)
class ScriptCall:
    """How a script is called.

    Attributes:
        command: Program and arguments.
        environment: All of it.
    """

    command: list[str]
    environment: dict[str, str]


def in_full(text: str, settings: ScriptSettings) -> str:
    """Return a text of the settings with the project's folder in it."""
    return text.replace(PROJECT, settings.project)


def values_of(settings: ScriptSettings) -> dict[str, Scalar]:
    """Return what is handed over, by our names."""
    given = settings.given.items()
    return {n: in_full(v, settings) if isinstance(v, str) else v for n, v in given}


def find_program(settings: ScriptSettings, named: str) -> str:
    """Return the program that a command names; python is the one that runs this.

    Raises:
        ConfigError: If there is none of that name.
    """
    program = in_full(named, settings)
    if program in OWN_PYTHON:
        return sys.executable
    if os.sep in program and not Path(program).is_absolute():
        inside = Path(settings.project, program)
        if os.access(inside, os.X_OK) and inside.is_file():
            return str(Path(program))  # of the copy, where it is run
        found = None
    else:
        found = shutil.which(program)
    if found is None:
        raise ConfigError(
            f"trainer.command: there is no program {program!r} that can be run; install it, or "
            "give its path"
        )
    return found


def prepare(settings: ScriptSettings, folder: Path, own: Mapping[str, str]) -> list[ScriptCall]:
    """Write the values of a trial where its scripts find them, and return how to call them.

    Args:
        settings: With the values of the trial.
        folder: Its copy of the project.
        own: Variables of the environment that tell of the trial.

    Raises:
        ConfigError: If a program or constant is not there.
        OSError: If the folder cannot be written.
    """
    folder = folder.resolve()  # the script works in another folder than this process
    commands = [
        [
            _in_copy(find_program(settings, command[0]), settings, folder),
            *(in_full(word, settings) for word in command[1:]),
        ]
        for command in settings.commands
    ]
    inherited = environment_without_secrets()
    if "PYTHONPATH" in inherited:
        inherited["PYTHONPATH"] = _search_path(inherited["PYTHONPATH"], settings, folder)
    unwritten = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**unwritten, **inherited, **own}
    values = {settings.called(name): value for name, value in values_of(settings).items()}
    match settings.values:
        case "flags":
            for name, value in values.items():
                word = as_word(value)
                # Else the value would be taken for another flag: -1e-05.
                joined = name.startswith("--") and word.startswith("-")
                commands[0] += [f"{name}={word}"] if joined else [name, word]
        case "env":
            environment |= {name: as_word(value) for name, value in values.items()}
        case "json":
            path = folder / "sweep-values.json"
            path.write_text(json.dumps(values, indent=2), encoding="utf-8")
            environment["SWEEP_VALUES"] = str(path)
        case "constants":
            write_constants(folder, values)
    return [ScriptCall(command, environment) for command in commands]


def _in_copy(program: str, settings: ScriptSettings, folder: Path) -> str:
    """Return a program as it is found from the copy, in which the project's own Python is not."""
    original = Path(settings.project, program)
    return program if (folder / program).exists() or not original.exists() else str(original)


def _search_path(folders: str, settings: ScriptSettings, folder: Path) -> str:
    """Return where Python looks for modules: those of the project are to be the copy's."""
    project = Path(settings.project).resolve()
    found = []
    for name in folders.split(os.pathsep):
        real = Path(name).resolve()
        inside = Path(name).is_absolute() and real.is_relative_to(project)
        found.append(str(folder / real.relative_to(project)) if inside else name)
    return os.pathsep.join(found)


def as_word(value: Scalar) -> str:
    """Return a value as a word of a command line: true and false as YAML has them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_constants(folder: Path, values: Mapping[str, Scalar], *, write: bool = True) -> None:
    """Replace constants in a copy of a project.

    Args:
        folder: The copy.
        values: By module:NAME.
        write: Whether to, or only to try.

    Raises:
        ConfigError: If one is not there, or its module is not the copy's own.
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
                f"trainer.names speaks of the module {module!r}, which is a link to "
                f"{path.resolve()} and would be changed there; take it out of trainer.links"
            )
        source = replaced(path.read_bytes(), constants, path)
        if write:
            path.write_bytes(source)
