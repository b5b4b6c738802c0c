"""Processes that read and write the database of a sweep while it runs.

    python -m tests.chaos.companions status|dashboard|notes URL

runs one of them until SIGTERM. Its last line is the number of accesses; earlier lines are errors.
"""

import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import optuna
import optuna_dashboard

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from tests.chaos.live_sweep import LiveSweep
from tests.chaos.tally import say
from tests.chaos.workspace import STUDY

STARTED = ("notes", "status", "notes", "dashboard", "notes", "status", "notes", "dashboard")
LIMIT_S = 120.0
MODULE = "tests.chaos.companions"
PAUSE_S = 0.25
PATHS = ("/api/studies", "/api/studies/1")


class Companions:
    """Runs the processes while this context lasts.

    Attributes:
        accesses: Number of accesses by kind, after the context.
        errors: Every error of one of them, after the context.
    """

    def __init__(self, sweep: LiveSweep) -> None:
        self._sweep = sweep
        self._processes: list[subprocess.Popen[str]] = []
        self.accesses: Counter[str] = Counter()
        self.errors: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        for kind in STARTED:
            self._processes.append(
                subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "tests.chaos.companions",
                        kind,
                        self._sweep.workspace.url,
                    ],
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
        errors: list[str] = []
        for process in self._processes:
            *found, last = process.communicate(timeout=LIMIT_S)[0].splitlines() or ["nothing"]
            name, _, count = last.partition(" ")
            if count.isdecimal():
                self.accesses[name] += int(count)
            else:
                found.append(f"a companion ended with {process.returncode}: {last}")
            errors += found
        self.errors = tuple(errors)

    def __str__(self) -> str:
        done = ", ".join(f"{kind} {count} times" for kind, count in sorted(self.accesses.items()))
        return f"{len(STARTED)} processes beside the sweep: {done}; {len(self.errors)} errors"


def reading_status(url: str) -> Callable[[int], None]:
    def once(_turn: int) -> None:
        study_status(load_study(open_database(url, "read"), STUDY), url)

    return once


def reading_the_dashboard(url: str) -> Callable[[int], None]:
    app = optuna_dashboard.wsgi(open_database(url, "read"))

    def once(turn: int) -> None:
        answered: list[str] = []

        def start_response(status: str, _headers: object, _error: object = None) -> None:
            answered.append(status)

        environment: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": PATHS[turn % len(PATHS)],
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
        }
        body = b"".join(app(environment, start_response))
        if not answered[0].startswith("200"):
            raise RuntimeError(f"{answered[0]}: {body[:200]!r}")

    return once


def writing_notes(url: str) -> Callable[[int], None]:
    study = load_study(open_database(url, "write"), STUDY)

    def once(turn: int) -> None:
        optuna_dashboard.save_note(study, f"seen {turn} times")
        study.set_user_attr("seen", turn)

    return once


KINDS = {"status": reading_status, "dashboard": reading_the_dashboard, "notes": writing_notes}


def main(kind: str, url: str) -> None:
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    once, turn = KINDS[kind](url), 0
    while not ended:
        try:
            once(turn)
            turn += 1
        except Exception as error:  # noqa: BLE001 - any error is what the test looks for
            say(f"{type(error).__name__}: {' '.join(str(error).split())}")
        time.sleep(PAUSE_S)
    say(f"{kind} {turn}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
