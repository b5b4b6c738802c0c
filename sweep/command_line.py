"""The command line: registers the commands, turns errors into sentences and exit codes.

Commands import what they need when they run, so that --help loads neither torch nor Optuna.
"""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TextIO

import typer

from fields.errors import FieldsharpError
from fields.visible import visible
from storage.masking import MaskedFormatter, Masking
from storage.secret_variables import STORAGE_VARIABLE, TOKEN_VARIABLE
from sweep.commands import (
    check,
    confirm,
    dashboard,
    evaluate,
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
from sweep.commands.completion import mend_words
from sweep.commands.ending import DEBUG, INTERRUPTED, sentence

INTERRUPTED_CODE = 130
LONGEST_ERROR = 4000

app = typer.Typer(
    name="run_sweep.py",
    help="Search for the loss that makes a forecast of a gridded field sharp, and true.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Every command: --debug shows the full trace of an error.",
)
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
):
    app.command(name=command.NAME, help=command.HELP)(command.run)
app.add_typer(storage.app, name=storage.NAME, help=storage.HELP)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    0 done, 1 failed, 2 wrong use or bad input, 3 stopped on request and resumable.
    """
    debug = DEBUG in arguments
    masking = Masking(os.environ.get(STORAGE_VARIABLE, ""))
    handler = StandardErrorHandler()
    handler.setFormatter(MaskedFormatter(masking))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])  # the level is of libraries
    for package in ("sweep", "model", "objectives", "storage", "fields"):
        logging.getLogger(package).setLevel(logging.DEBUG if debug else logging.INFO)
    if next((a for a in arguments if not a.startswith("-")), "") != dashboard.NAME:
        os.environ.pop(TOKEN_VARIABLE, None)  # no process started from here is to inherit it
    mend_words(os.environ)
    # A system that ends a process deserves the same orderly end as a person who does.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(
            [argument for argument in arguments if argument != DEBUG] or ["--help"],
            standalone_mode=False,
            prog_name="run_sweep.py",
        )
    except FieldsharpError as error:
        return _say(str(error), error.exit_code, masking, debug=debug)
    except KeyboardInterrupt:
        return _say(INTERRUPTED, 3, masking, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback to users
        return _say_unexpected(error, masking, debug=debug)
    if code == INTERRUPTED_CODE:  # how the parser of the command line passes on an interrupt
        return _say(INTERRUPTED, 3, masking, debug=debug)
    return code if isinstance(code, int) else 0


class StandardErrorHandler(logging.StreamHandler[TextIO]):
    """Writes to the standard error as it is at that moment: above a table while one is drawn."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The standard error."""
        return sys.stderr


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say_unexpected(error: Exception, masking: Masking, *, debug: bool) -> int:
    format_message = getattr(error, "format_message", None)
    if callable(format_message):  # wrong use, as the parser of the command line found it
        command = getattr(getattr(error, "ctx", None), "command_path", "run_sweep.py")
        message = str(format_message()).rstrip(".")
        return _say(f"{message}; see python {command} --help", 2, masking, debug=debug)
    if isinstance(error, BrokenPipeError):
        return 1  # whoever read our output has gone
    return _say(sentence(error), 1, masking, debug=debug)


def _say(message: str, exit_code: int, masking: Masking, *, debug: bool) -> int:
    if debug:
        logging.getLogger(__name__).debug("where it happened", exc_info=True)
    # A name out of a file or a database may hold anything, and be as long.
    shown = visible(masking(message))
    if len(shown) > LONGEST_ERROR:
        shown = f"{shown[:LONGEST_ERROR]}..."
    sys.stderr.write(f"{'stopped' if exit_code == 3 else 'error'}: {shown}\n")
    return exit_code
