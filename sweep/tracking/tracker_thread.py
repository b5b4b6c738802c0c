"""The thread in the coordinator that looks after the process of one tracker.

A tracker that fails, hangs, or is killed costs one sentence in the log, and is started again.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from fieldsharp.core.printable import printable
from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.storage.durable_files.regular_files import open_within
from fieldsharp.sweep.tracking.messages import ALIVE, DONE, END, TROUBLE, UP_TO_DATE

logger = logging.getLogger(__name__)
STOP_TIMEOUT_S = 5.0
"""Longest wait where the sweep was stopped, or the tracker fails or is silent."""
SILENCE_S = 30.0
"""A tracker that has said nothing for so long is waited for no longer."""
STARTS_AGAIN_S = (1.0, 60.0)
"""First and longest pause before a process that died is started again."""


class TrackerThread(threading.Thread):
    """Starts the process of one tracker, reads its messages, and starts it again when it dies."""

    def __init__(self, tracker: str, study: str, assignment: str, folder: Path) -> None:
        super().__init__(name=f"tracker {tracker}", daemon=True)
        self.tracker = tracker
        self.is_done = False
        self._study = study
        self._assignment = assignment
        self._log = folder / f"{tracker}.log"
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._is_killed = False
        self._has_warned = False
        self._is_failing = False
        self._pause_s = STARTS_AGAIN_S[0]
        self._heard_at = time.monotonic()

    def run(self) -> None:
        """Keep a process running until it is done, or was told to end and could not."""
        while not self.is_done and not self._is_killed:
            is_last = self._ending.is_set()
            self._heard_at = time.monotonic()
            try:
                code = self._run_process()
                reason = f"its process ended with code {code}, see {self._log}"
            except OSError as error:
                reason = f"its process cannot be started ({error.strerror or error})"
            if self.is_done or self._is_killed:
                return
            self._warn(reason)
            if is_last:
                return
            self._ending.wait(self._pause_s)
            self._pause_s = min(2 * self._pause_s, STARTS_AGAIN_S[1])

    def end(self) -> None:
        """Tell the process that the sweep has ended."""
        with self._lock:
            self._ending.set()
            if self._process is not None:
                _write(self._process.stdin, f"{END}\n")
        self._heard_at = time.monotonic()

    def kill(self) -> None:
        """End the process at once."""
        with self._lock:
            self._is_killed = True
            if self._process is not None:
                self._process.kill()
        self.join(STOP_TIMEOUT_S)

    def is_worth_waiting(self, began: float, limit_s: float) -> bool:
        """Return whether the process may still show something within the limit."""
        now = time.monotonic()
        if self._is_failing or now - self._heard_at > SILENCE_S:
            limit_s = min(limit_s, STOP_TIMEOUT_S)
        return self.is_alive() and now - began < limit_s

    def _run_process(self) -> int:
        command = [
            sys.executable,
            "-P",
            "-c",
            f"import sys; sys.path[:] = {[path for path in sys.path if path]!r}; "
            "from fieldsharp.sweep.tracking.process import main; main()",
        ]
        environment = {
            **environment_without_secrets(keep=("PGPASSWORD",)),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        log = open_within(self._log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        try:
            process = subprocess.Popen(  # noqa: S603 - this program itself
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(log)
        with process:
            with self._lock:
                self._process = process
                _write(process.stdin, self._assignment + "\n")
                if self._ending.is_set():
                    _write(process.stdin, f"{END}\n")
                if self._is_killed:
                    process.kill()
            assert process.stdout is not None, "it is a pipe"
            for line in process.stdout:
                self._hear(line)
            with self._lock:
                self._process = None
                with suppress(OSError, ValueError):
                    if process.stdin is not None:
                        process.stdin.close()
            return process.wait()

    def _hear(self, line: str) -> None:
        self._heard_at = time.monotonic()
        try:
            what, sentence = json.loads(line)
        except ValueError:
            return
        if what == DONE:
            self.is_done = True
        elif what == TROUBLE:
            self._is_failing = True
            self._warn(str(sentence))
        elif what == ALIVE:
            self._is_failing = False
        elif what == UP_TO_DATE:
            self._is_failing = False
            self._pause_s = STARTS_AGAIN_S[0]
            if self._has_warned:
                self._has_warned = False
                logger.info("%s: %s shows the study again", self._study, self.tracker)

    def _warn(self, reason: str) -> None:
        """Warn once, until all is well again."""
        if not self._has_warned:
            logger.warning(
                "%s: %s cannot show the study (%s); the sweep goes on, and it is tried again",
                self._study,
                self.tracker,
                printable(reason),
            )
        self._has_warned = True


def _write(pipe: IO[str] | None, text: str) -> None:
    if pipe is not None:
        with suppress(OSError, ValueError):  # it has died
            pipe.write(text)
            pipe.flush()
