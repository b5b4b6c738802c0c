"""Starts a process for each tracker, and never waits for one while trials run."""

import json
import logging
import time
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import RESUME
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.tracking.epoch_journal import JournalWriter
from fieldsharp.sweep.tracking.tracker_thread import STOP_TIMEOUT_S, TrackerThread
from fieldsharp.sweep.tracking.trial_parameters import parameters_key

logger = logging.getLogger(__name__)
FOLDER = "tracking"
"""Beside the database, in the folder of the study."""
END_TIMEOUT_S = 60.0
"""Longest wait for a tracker after the last trial."""
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
        self._trackers: list[TrackerThread] = []
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
            tracker = TrackerThread(name, self._config.study, json.dumps(assignment), self._folder)
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
