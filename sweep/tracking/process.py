"""The process of one tracker: reads the study every few seconds, and shows what is new in it.

The coordinator starts it, and it ends with the coordinator. Its standard input has the assignment
in the first line, and ``end`` when the sweep has ended; its standard output has a message a line.
"""

import json
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from fieldsharp.core.printable import printable
from fieldsharp.storage.database import open_database
from fieldsharp.storage.durable_files.file_lock import open_lock_file, take_lock
from fieldsharp.storage.location.passwords import Masking
from fieldsharp.sweep.configuration.tracking import TrackingSettings
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.tracking.messages import ALIVE, DONE, END, TROUBLE, UP_TO_DATE
from fieldsharp.sweep.tracking.mirror import Mirror
from fieldsharp.sweep.tracking.study_reader import StudyReader
from fieldsharp.sweep.tracking.tracker import StudyView, Tracker
from fieldsharp.sweep.tracking.trouble import reason

logger = logging.getLogger(__name__)
INTERVAL_S = 2.0
LONGEST_INTERVAL_S = 60.0
"""Between two attempts at a tracker that fails."""
PICTURES_EVERY_S = 300.0
LOCK_TIMEOUT_S = 30.0
LONGEST_SENTENCE = 300
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "WANDB_API_KEY")


def make_tracker(name: str, settings: TrackingSettings, study: StudyView, notes: Path) -> Tracker:
    """Return a tracker; its package is imported only here.

    Args:
        name: As in the settings.
        settings: Of all trackers.
        study: What is mirrored.
        notes: Folder for its own files, beside the database.
    """
    if name == "tensorboard" and settings.tensorboard is not None:
        from fieldsharp.sweep.tracking.tensorboard import TensorBoardTracker

        return TensorBoardTracker(settings.tensorboard, study)
    if name == "mlflow" and settings.mlflow is not None:
        from fieldsharp.sweep.tracking.mlflow import MlflowTracker

        return MlflowTracker(settings.mlflow, study)
    if name == "wandb" and settings.wandb is not None:
        from fieldsharp.sweep.tracking.wandb import WandbTracker

        return WandbTracker(settings.wandb, study, notes)
    raise ValueError(f"there are no settings of a tracker {name!r}")


class Work:
    """Keeps one tracker up to date until the sweep has ended.

    Args:
        name: Of the tracker.
        settings: Of all trackers.
        url: Address of the database.
        study: Name of the study.
        folder: Beside the database, for the tracker's own files.
        output: Takes messages.
    """

    def __init__(
        self,
        name: str,
        settings: TrackingSettings,
        url: str,
        study: str,
        folder: Path,
        output: IO[str],
    ) -> None:
        self._name = name
        self._settings = settings
        self._url = url
        self._study = study
        self._folder = folder
        self._output = output
        self._reader: StudyReader | None = None
        self._mirror: Mirror | None = None
        self._drawn_at = time.monotonic()
        secrets = [secret for name in SECRETS if (secret := os.environ.get(name))]
        self._secrets = sorted(secrets, key=len, reverse=True)
        in_environment = os.environ.get("MLFLOW_TRACKING_URI", "")
        self._masking = Masking(in_environment)
        self._server = ""
        if name == "mlflow" and settings.mlflow is not None:
            self._server = settings.mlflow.uri or in_environment

    def run(self, ending: threading.Event) -> int:
        """Return the exit code: 0 when all is shown after the sweep has ended."""
        failures = 0
        while True:
            is_last = ending.is_set()
            try:
                self._update(is_last=is_last)
                failures = 0
                self._say(UP_TO_DATE)
                if is_last:
                    assert self._mirror is not None, "it was made"
                    self._mirror.close()
                    self._say(DONE)
                    return 0
            except Exception as error:
                logger.warning("%s", self._name, exc_info=True)
                failures += 1
                self._say(TROUBLE, self._sentence(error))
                if is_last:
                    return 1
                self._let_go()
            ending.wait(min(INTERVAL_S * 2**failures, LONGEST_INTERVAL_S))

    def _update(self, *, is_last: bool) -> None:
        if self._reader is None:
            storage = open_database(self._url, "read")
            self._reader = StudyReader(load_study(storage, self._study), self._url)
        study = self._reader.look()
        if self._mirror is None:
            tracker = make_tracker(self._name, self._settings, study, self._folder)
            self._mirror = Mirror(tracker, lambda: self._say(ALIVE))
        self._mirror.update(study)
        is_due = is_last or time.monotonic() - self._drawn_at > PICTURES_EVERY_S
        lacking = self._mirror.lacking_pictures(study) if is_due else {}
        if lacking:
            self._drawn_at = time.monotonic()
            self._mirror.show_pictures(study, self._reader.pictures(lacking))

    def _let_go(self) -> None:
        """Begin anew at the next attempt, by reading back what the tracker holds."""
        mirror, self._mirror, self._reader = self._mirror, None, None
        if mirror is not None:
            with suppress(Exception):
                mirror.close()

    def _say(self, what: str, sentence: str = "") -> None:
        self._output.write(json.dumps([what, sentence]) + "\n")
        self._output.flush()

    def _sentence(self, error: Exception) -> str:
        """Return an error in one line without secrets."""
        text = self._masking(reason(error, self._server))
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return printable(text)[:LONGEST_SENTENCE]


def main() -> None:
    """Run the process."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # packages print
    os.nice(10)
    logging.basicConfig(level=logging.WARNING)
    assignment: dict[str, Any] = json.loads(sys.stdin.readline())
    ending = threading.Event()
    threading.Thread(target=_listen, args=(ending,), daemon=True).start()
    folder = Path(assignment["folder"])
    work = Work(
        assignment["tracker"],
        TrackingSettings.model_validate(assignment["settings"]),
        assignment["url"],
        assignment["study"],
        folder,
        output,
    )
    # A process of an earlier coordinator may still be at the same runs.
    with open_lock_file(folder / f"{assignment['tracker']}.lock") as lock:
        if not take_lock(lock, LOCK_TIMEOUT_S):
            sys.exit(1)
        code = work.run(ending)
    sys.stderr.flush()
    os._exit(code)  # threads of packages that hang are no reason to stay


def _listen(ending: threading.Event) -> None:
    """Wait for the end of the sweep; the death of the coordinator ends this process."""
    if sys.stdin.readline().strip() == END:
        ending.set()
        sys.stdin.readline()
    os._exit(1)


if __name__ == "__main__":
    main()
