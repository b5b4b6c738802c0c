"""The process of one command: its standard streams, its signals and its exit code."""

import signal
import sys
from collections.abc import Callable, Sequence

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

LASTING = frozenset({"start", "resume", "confirm", "train", "predict", "report", "stop"})
"""Commands whose work stands in a database or a file; of the others it is what they print."""


def run_process(
    load: Callable[[], Callable[[Sequence[str]], int]], arguments: Sequence[str]
) -> int:
    """Run a command as the only thing that this process does, and return its exit code.

    Args:
        load: Imports the command line, which takes a while.
        arguments: Of the command.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)
    keep_standard_streams()
    StopSignals.owns_process = True
    sys.unraisablehook = _unraisable
    stopping = StopSignals()
    try:
        stopping.__enter__()  # for good: the handlers of before would end in a traceback
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
    is_kept = command in LASTING and "--json" not in arguments
    say_on_stderr(
        f"{'warning' if is_kept else 'error'}: the output could not be written completely "
        f"({lost.strerror}); make room and run the same command again"
    )
    return 0 if is_kept else 1


def _unraisable(found: "sys.UnraisableHookArgs", /) -> None:
    """Raise an interrupt again that hit a finalizer, where no error can be raised."""
    if found.exc_type is KeyboardInterrupt:
        raise_soon()
    else:
        sys.__unraisablehook__(found)
