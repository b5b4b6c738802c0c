"""An orderly end on Ctrl-C and where the system ends the process."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class Stopping:
    """Turns SIGINT, SIGTERM and SIGHUP into a request, or an error while nobody is there to ask.

    Use as a context manager.

    Attributes:
        ask: What to call, None as long as nobody listens: then ``KeyboardInterrupt`` is raised.
    """

    def __init__(self) -> None:
        self.ask: Callable[[], None] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup a terminal that closes is to be no end.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        if self.ask is None:
            # No ordinary error: readers of files and tries of predictors catch those.
            raise KeyboardInterrupt
        self.ask()
