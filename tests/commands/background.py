"""Commands that run beside a test."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@contextmanager
def in_the_background(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a folder and a process group of its own, as a terminal would have it."""
    with subprocess.Popen(
        [sys.executable, str(PROJECT / "run_sweep.py"), *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # does nothing to one that has ended
