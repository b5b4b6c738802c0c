"""Starts a spawned process of the service, safe from signals, the working folder and the program.

Imports nothing slow: the process that workers are forked from is started before all else.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess
from types import ModuleType

from fieldsharp.core.working_folder import safe_path

BLOCKED_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Ctrl-C, and the end of a batch job, reach every process: the coordinator decides what becomes of
the trials. A worker is started with them blocked, since it could not ignore them before it has
imported its modules."""
_SPAWNING = threading.Lock()


def start_spawned(process: SpawnProcess) -> None:
    """Start a process with the signals blocked that are the coordinator's to handle.

    Raises:
        OSError: If no process can be started.
    """
    with safe_path():
        # Now: starting it later would unblock the signals below.
        resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
    try:
        with safe_path(), _without_main_module():
            process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Hide the program that is run from a process that is being spawned.

    It would import that program, and a script that starts a sweep without the usual guard would
    start it again in every worker. Nothing that a worker is given is defined there.
    """
    with _SPAWNING:
        program = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = program
