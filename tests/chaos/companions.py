"""Several processes that read and write the database beside a sweep."""

import signal
import subprocess
import sys
from collections import Counter
from types import TracebackType
from typing import Self

from fieldsharp.core.checkout import PROJECT
from tests.chaos.live_sweep import LiveSweep

KINDS = ("notes", "status", "notes", "dashboard", "notes", "status", "notes", "dashboard")
LIMIT_S = 120.0


class Companions:
    """Run while this context lasts.

    Attributes:
        did: How often each kind did its work, once the context is left.
        wrong: Every error one of them met.
    """

    def __init__(self, sweep: LiveSweep) -> None:
        self._sweep = sweep
        self._processes: list[subprocess.Popen[str]] = []
        self.did: Counter[str] = Counter()
        self.wrong: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        for kind in KINDS:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.chaos.companion", kind, self._sweep.place.url],
                    cwd=PROJECT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        wrong: list[str] = []
        for process in self._processes:
            *errors, last = process.communicate(timeout=LIMIT_S)[0].splitlines() or ["nothing"]
            name, _, count = last.partition(" ")
            if count.isdecimal():
                self.did[name] += int(count)
            else:
                errors.append(f"a companion ended with {process.returncode}: {last}")
            wrong += errors
        self.wrong = tuple(wrong)

    def __str__(self) -> str:
        done = ", ".join(f"{kind} {count} times" for kind, count in sorted(self.did.items()))
        return f"{len(KINDS)} processes beside it: {done}; {len(self.wrong)} errors"
