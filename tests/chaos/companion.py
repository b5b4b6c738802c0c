"""A process beside a sweep that reads or writes its database until it is told to end.

    python -m tests.chaos.companion status|dashboard|notes URL

Says on its last line how often it did so; anything before that line is an error it met.
"""

import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import optuna
import optuna_dashboard

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from tests.chaos.place import STUDY
from tests.chaos.saying import say

PAUSE_S = 0.25
PATHS = ("/api/studies", "/api/studies/1")


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
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            say(f"{type(error).__name__}: {' '.join(str(error).split())}")
        time.sleep(PAUSE_S)
    say(f"{kind} {turn}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
