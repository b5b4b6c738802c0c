"""Commands that run beside a test."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from fieldsharp.core.checkout import PROJECT

LIMIT_S = 180.0


@contextmanager
def in_the_background(
    folder: Path, *arguments: str, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a folder and a process group of its own, as a terminal would have it."""
    with subprocess.Popen(
        [sys.executable, str(PROJECT / "run_sweep.py"), *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # does nothing to one that has ended


def count_logged_epochs(folder: Path) -> int:
    """Return how many epochs the trials of the database ``x.db`` in a folder have told."""
    with suppress(sqlite3.OperationalError):
        url = f"file:{folder / 'x.db'}?mode=ro"
        with closing(sqlite3.connect(url, uri=True)) as connection:
            found = connection.execute("SELECT count(*) FROM trial_intermediate_values")
            return int(found.fetchone()[0])
    return 0


def wait_for_epochs(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many epochs are told by a process that runs."""
    deadline = time.monotonic() + LIMIT_S
    while count_logged_epochs(folder) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
