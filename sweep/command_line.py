"""The command line: registers the commands, turns errors into messages and exit codes.

Commands import what they need when they run, so that --help loads neither torch nor Optuna.
"""

import logging
import os
from collections.abc import Sequence
from typing import Annotated

import typer

from fieldsharp.core.checkout import version
from fieldsharp.core.errors import FieldsharpError
from fieldsharp.core.printable import printable
from fieldsharp.core.program_name import program, usage_name
from fieldsharp.core.secret_variables import STORAGE_VARIABLE, TOKEN_VARIABLE
from fieldsharp.core.signals import INTERRUPTED, StopSignals
from fieldsharp.storage.location.passwords import Masking
from fieldsharp.sweep.commands import (
    check,
    confirm,
    dashboard,
    evaluate,
    example,
    export,
    predict,
    report,
    resume,
    start,
    status,
    stop,
    storage,
    train,
)
from fieldsharp.sweep.commands.options import rejoin_completion_words
from fieldsharp.sweep.commands.printing import say, say_on_stderr, write_any_character
from fieldsharp.sweep.commands.process import DEBUG, sentence
from fieldsharp.sweep.execution.log_output import log_of_commands

INTERRUPTED_CODE = 130
LONGEST_ERROR = 4000

app = typer.Typer(
    help="Search for the loss that makes a forecast of a gridded field sharp, and true.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Every command: --debug shows the full trace of an error.",
)


def _print_version(value: bool) -> None:
    if value:
        say(f"fieldsharp {version()}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


for command in (
    start,
    resume,
    stop,
    check,
    status,
    confirm,
    export,
    train,
    predict,
    evaluate,
    report,
    dashboard,
    example,
):
    app.command(name=command.NAME, help=command.HELP)(command.run)
app.add_typer(storage.app, name=storage.NAME, help=storage.HELP)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    0 done, 1 failed, 2 wrong use or bad input, 3 stopped on request and resumable.
    """
    debug = DEBUG in arguments
    masking = Masking(os.environ.get(STORAGE_VARIABLE, ""))
    log_of_commands(masking, debug=debug)
    write_any_character()
    if next((a for a in arguments if not a.startswith("-")), "") != dashboard.NAME:
        os.environ.pop(TOKEN_VARIABLE, None)  # processes started from here must not inherit it
    rejoin_completion_words(os.environ)
    try:
        with StopSignals():
            code = app(
                [argument for argument in arguments if argument != DEBUG] or ["--help"],
                standalone_mode=False,
                prog_name=usage_name(),
            )
    except FieldsharpError as error:
        return _print_error(str(error), error.exit_code, masking, debug=debug)
    except KeyboardInterrupt:
        return _print_error(INTERRUPTED, 3, masking, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback to users
        return _print_unexpected(error, masking, debug=debug)
    if code == INTERRUPTED_CODE:  # typer's exit code for an interrupt
        return _print_error(INTERRUPTED, 3, masking, debug=debug)
    return code if isinstance(code, int) else 0


def _print_unexpected(error: Exception, masking: Masking, *, debug: bool) -> int:
    format_message = getattr(error, "format_message", None)
    if callable(format_message):  # a usage error of typer's
        path = getattr(getattr(error, "ctx", None), "command_path", usage_name())
        command = program() + path.removeprefix(usage_name())
        message = str(format_message()).rstrip(".")
        return _print_error(f"{message}; see {command} --help", 2, masking, debug=debug)
    return _print_error(sentence(error), 1, masking, debug=debug)


def _print_error(message: str, exit_code: int, masking: Masking, *, debug: bool) -> int:
    if debug:
        logging.getLogger(__name__).debug("where it happened", exc_info=True)
    # A name from a file or a database may hold any characters, at any length.
    shown = printable(masking(message))
    if len(shown) > LONGEST_ERROR:
        shown = f"{shown[:LONGEST_ERROR]}..."
    say_on_stderr(f"{'stopped' if exit_code == 3 else 'error'}: {shown}")
    return exit_code
