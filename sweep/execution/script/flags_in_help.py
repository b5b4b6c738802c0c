"""Learns a script's flags from what it prints for ``--help``, run in a copy of its project."""

import re
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path

from fieldsharp.core.errors import ConfigError, TrainingFailed
from fieldsharp.core.printable import printable
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.command_line import CommandLine, Flag
from fieldsharp.sweep.execution.script.launch import ScriptCall
from fieldsharp.sweep.execution.script.output import OutputBuffer
from fieldsharp.sweep.execution.script.process import NoProcessError, ScriptProcess
from fieldsharp.sweep.execution.script.project_copy import copy_for_trial
from fieldsharp.sweep.study.formatting import last_lines

TIMEOUT_S = 10.0
_OPTIONS = re.compile(r"^\s+(-\S.*?)(?:\s{2,}|$)", re.MULTILINE)
"""The beginning of a line about an option, up to its description."""
_FLAG = re.compile(r"(?<![\w-])--?[A-Za-z][\w.-]*")


def flags_in_help(
    settings: ScriptSettings, known: CommandLine, call_in: Callable[[Path], ScriptCall]
) -> CommandLine:
    """Return a command line with the flags that ``--help`` tells of.

    Args:
        settings: Of the script.
        known: From its source, which also knows what else each flag takes.
        call_in: Returns the call of the command with ``--help`` in a copy of the project.

    Raises:
        ConfigError: If the command fails, tells of no flag, or does not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="fieldsharp-help-") as place:
        folder = Path(place) / "project"
        try:
            copy_for_trial(settings, Path(settings.project), folder)
            text, failure = _run(call_in(folder), folder)
        except (OSError, TrainingFailed, NoProcessError) as error:
            text, failure = "", f"cannot be run ({error})"
    flags = parse_help(text)
    if failure or not flags:
        said = printable(" ".join(last_lines(text, 1, 300).split()))
        raise ConfigError(
            "trainer.ask_help is true, and the command with --help "
            f"{failure or 'tells of no flag'}{f' (the last it printed: {said})' if said else ''}; "
            "set it to false, and name each flag under trainer.names"
        )
    return known.model_copy(update={"flags": {**flags, **known.flags}})


def _run(call: ScriptCall, folder: Path) -> tuple[str, str]:
    """Return what a call printed and how it failed; its whole process tree is ended in time."""
    output, deadline = OutputBuffer(), time.monotonic() + TIMEOUT_S
    script, late = ScriptProcess(call, folder), False
    try:
        while (printed := script.read()) is not None:
            output.add(printed)
            late = time.monotonic() >= deadline
            if late:
                break
            if not printed:
                wait([script.output], max(0.0, deadline - time.monotonic()))
    finally:
        end = script.close()
    failure = f"did not end within {TIMEOUT_S:g} s" if late else end.failure
    return output.text(), failure


def parse_help(text: str) -> dict[str, Flag]:
    """Return the flags in a help text as argparse, click and their like print it."""
    flags: dict[str, Flag] = {}
    for found in _OPTIONS.finditer(text):
        part = found[1]
        names = _FLAG.findall(part)
        rest = re.sub(r"[\s,/\[\]|]", "", _FLAG.sub("", part))
        negatives = [n for n in names if n.startswith(("--no-", "--no_"))]
        for name in names:
            plain = [n for n in negatives if n[5:] == name.lstrip("-")]
            flag = Flag(takes="nothing", negative=plain[0] if plain else None)
            flags[name] = Flag(takes="words" if "..." in rest else "value") if rest else flag
    return flags
