"""How a command ends on an error: one sentence, and an exit code."""

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.core.signals import INTERRUPTED

DEBUG = "--debug"
WRONG_USE = 2


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error: 1 failed, 2 wrong use or bad input, 3 stopped."""
    if isinstance(error, FieldsharpError):
        return error.exit_code
    return 3 if isinstance(error, KeyboardInterrupt) else 1


def sentence(error: BaseException) -> str:
    """Return what an error means, in one sentence."""
    if isinstance(error, FieldsharpError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    reason = " ".join(str(error).split()) or "no reason given"
    return f"unexpected {type(error).__name__}: {reason}; run again with {DEBUG} to see where"
