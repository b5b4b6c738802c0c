"""The process of one command: its standard streams, its signals and its exit code."""

import signal
import sys
from collections.abc import Callable, Sequence

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.core.signals import (
    INTERRUPTED,
    NUMBERS,
    STOPPED_CODE,
    StopSignals,
    ignore_signals,
    raise_soon,
)
from fieldsharp.core.standard_streams import keep_standard_streams, lost_output
from fieldsharp.sweep.commands.printing import say_on_stderr

DEBUG = "--debug"
WRONG_USE = 2
LASTING = frozenset({"start", "resume", "confirm", "train", "predict", "report", "stop"})
"""Commands whose result is in a database or a file; that of the others is their output."""


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error: 1 failed, 2 wrong use or bad input, 3 stopped."""
    if isinstance(error, FieldsharpError):
        return error.exit_code
    return 3 if isinstance(error, KeyboardInterrupt) else 1


def sentence(error: BaseException) -> str:
    """Return an error as one sentence."""
    if isinstance(error, FieldsharpError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    reason = " ".join(str(error).split()) or "no reason given"
    return f"unexpected {type(error).__name__}: {reason}; run again with {DEBUG} to see where"


def run_process(
    load: Callable[[], Callable[[Sequence[str]], int]], arguments: Sequence[str]
) -> int:
    """Run the command that this process exists for, and return its exit code.

    ``load`` imports the command line, which takes a while.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)
    keep_standard_streams()
    StopSignals.owns_process = True
    sys.unraisablehook = _unraisable
    stopping = StopSignals()
    try:
        stopping.__enter__()  # never exited: the former handlers would print a traceback
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        code = load()(arguments)
        code = _with_output(code, arguments)
    except KeyboardInterrupt:
        say_on_stderr(f"stopped: {INTERRUPTED}")
        code = STOPPED_CODE
    ignore_signals()
    return code


def _with_output(code: int, arguments: Sequence[str]) -> int:
    """Return the exit code of a command whose output may not be complete."""
    lost = lost_output()
    if lost is None or code != 0:
        return code
    command = next((word for word in arguments if not word.startswith("-")), "")
    is_stored = command in LASTING and "--json" not in arguments
    say_on_stderr(
        f"{'warning' if is_stored else 'error'}: the output could not be written completely "
        f"({lost.strerror}); make room and run the same command again"
    )
    return 0 if is_stored else 1


def _unraisable(found: "sys.UnraisableHookArgs", /) -> None:
    """Raise an interrupt again that arrived in a finalizer, where no error can be raised."""
    if found.exc_type is KeyboardInterrupt:
        raise_soon()
    else:
        sys.__unraisablehook__(found)
