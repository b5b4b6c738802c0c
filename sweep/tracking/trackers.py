"""Starts a process for each tracker, and never waits for one while trials run.

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
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.durable_files.regular_files import open_within
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import RESUME
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.tracking.epoch_journal import JournalWriter
from fieldsharp.sweep.tracking.messages import ALIVE, DONE, END, TROUBLE, UP_TO_DATE
from fieldsharp.sweep.tracking.study_reader import parameters_key

logger = logging.getLogger(__name__)
FOLDER = "tracking"
"""Beside the database, in the folder of the study."""
END_TIMEOUT_S = 60.0
"""Longest wait for a tracker after the last trial."""
STOP_TIMEOUT_S = 5.0
"""The same where the sweep was stopped, or the tracker fails or is silent."""
SILENCE_S = 30.0
"""A tracker that has said nothing for so long is waited for no longer."""
STARTS_AGAIN_S = (1.0, 60.0)
"""First and longest pause before a process that died is started again."""
POLL_S = 0.1


class Trackers:
    """Keeps the trackers of a sweep up to date in processes of their own.

    Args:
        config: Of the sweep.
        url: Address of the database.
        folder: Of the study, beside the database.
    """

    def __init__(self, config: SweepConfig, url: str, folder: Path) -> None:
        self._config = config
        self._url = url
        self._folder = folder / FOLDER
        self._journal = JournalWriter(self._folder)
        self._trackers: list[_TrackerThread] = []
        self._is_hurried = False

    def start(self) -> None:
        """Start the processes; they read the study from the database."""
        names = self._config.tracking.chosen
        if not names:
            return
        try:
            make_private_folder(self._folder)
        except OSError as error:
            logger.warning(
                "%s: nothing is shown in %s, since the folder %s cannot be made (%s)",
                self._config.study,
                ", ".join(names),
                self._folder,
                error.strerror or error,
            )
            return
        for name in names:
            assignment = {
                "tracker": name,
                "settings": self._config.tracking.model_dump(mode="json"),
                "url": self._url,
                "study": self._config.study,
                "folder": str(self._folder.absolute()),
            }
            tracker = _TrackerThread(name, self._config.study, json.dumps(assignment), self._folder)
            self._trackers.append(tracker)
            tracker.start()

    def epoch(self, spec: TrialSpec, report: EpochReport) -> None:
        """Keep the metrics of a trial after an epoch, for the trackers to read."""
        if self._trackers:
            key = parameters_key(spec, self._config)
            self._journal.add(spec.number, key, report, int(time.time() * 1000))

    def hurry(self) -> None:
        """Wait no longer; safe to call from a signal handler."""
        self._is_hurried = True

    def finish(self, *, is_stopped: bool) -> None:
        """Let the trackers show the rest, end their processes, and say what is missing."""
        for tracker in self._trackers:
            tracker.end()
        limit_s = STOP_TIMEOUT_S if is_stopped else END_TIMEOUT_S
        began, has_told = time.monotonic(), False
        while waited_for := [t for t in self._trackers if t.is_worth_waiting(began, limit_s)]:
            if self._is_hurried:
                break
            if not has_told and time.monotonic() - began > STOP_TIMEOUT_S:
                logger.info(
                    "%s: waiting up to a minute until all is shown in %s; Ctrl-C ends the wait",
                    self._config.study,
                    ", ".join(tracker.tracker for tracker in waited_for),
                )
                has_told = True
            time.sleep(POLL_S)
        behind = []
        for tracker in self._trackers:
            tracker.kill()
            if not tracker.is_done:
                behind.append(tracker.tracker)
        if behind:
            logger.warning(
                "%s: not all of the study is shown in %s; for the rest, %s",
                self._config.study,
                ", ".join(behind),
                resume_hint(self._url, RESUME, self._config.study),
            )


class _TrackerThread(threading.Thread):
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
