"""Orderly shutdown on SIGINT, SIGTERM and SIGHUP, however many of them arrive and whenever."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, ClassVar, Self

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BURST_S = 2.0
"""Signals within this time of the first count as one: Ctrl-C held down."""
IMPORTING_S = 15.0
"""How long an import may delay the interrupt: torch takes seconds."""
RETRY_S = 0.02
STOPPED_CODE = 3
INTERRUPTED = "interrupted; run the same command again"
_IMPORTING = "<frozen importlib._bootstrap>"


class StopSignals:
    """Turns signals into calls of a handler, or without one into a single ``KeyboardInterrupt``.

    The signals of a burst raise one error at most, so that none hits the handling of that error.
    An import is not interrupted, since compiled modules turn the error into another one.

    Use as a context manager. May be nested: the innermost one decides. Signals reach the main
    thread alone: in another one this changes nothing.

    Attributes:
        ask: What to call for every signal; None raises ``KeyboardInterrupt``.
        owns_process: Whether this process is one command: a signal that comes after the burst ends
            it at once, if the error that was raised did not.
    """

    owns_process: ClassVar[bool] = False
    _depth: ClassVar[int] = 0
    _burst_began: ClassVar[float] = -math.inf

    def __init__(self) -> None:
        self.ask: Callable[[], None] | None = None
        self._interrupted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if not in_main_thread():
            return self
        if StopSignals._depth == 0:
            StopSignals._burst_began = -math.inf
        StopSignals._depth += 1
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._retry)
        for number in NUMBERS:
            # Under nohup the process survives a terminal that closes.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._before:
            return
        StopSignals._depth -= 1
        if StopSignals._depth == 0:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, _signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        is_repeated = now - StopSignals._burst_began < BURST_S
        if not is_repeated:
            StopSignals._burst_began = now
        if self.ask is not None:
            self.ask()
        elif is_repeated:
            pass
        elif self._interrupted and StopSignals.owns_process:
            end_at_once()
        else:
            self._interrupted = True
            self._raise(frame)

    def _raise(self, frame: FrameType | None) -> None:
        delayed_s = time.monotonic() - StopSignals._burst_began
        if _is_importing(frame) and delayed_s < IMPORTING_S:
            raise_soon()
        else:
            # Not an Exception: code that reads files or tries predictors catches those.
            raise KeyboardInterrupt

    def _retry(self, _signum: int, frame: FrameType | None) -> None:
        if self.ask is not None:
            self.ask()
        else:
            self._raise(frame)


def in_main_thread() -> bool:
    """Return whether signals reach the present thread."""
    return threading.current_thread() is threading.main_thread()


def raise_soon() -> None:
    """Raise the interrupt a moment later, again if the present code swallowed it."""
    signal.setitimer(signal.ITIMER_REAL, RETRY_S)


def end_at_once() -> None:
    """End this process as stopped, without cleanup."""
    with suppress(OSError):
        os.write(2, f"stopped: {INTERRUPTED}\n".encode())
    os._exit(STOPPED_CODE)


def ignore_signals() -> None:
    """Ignore all further signals: for the shutdown of the interpreter, which cannot handle any."""
    for number in (*NUMBERS, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            return True
        frame = frame.f_back
    return False
