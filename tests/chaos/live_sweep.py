"""A real sweep in a process group of its own, which is resumed after every fault."""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from fieldsharp.core.checkout import PROJECT
from tests.chaos.history import has_study
from tests.chaos.processes import is_alive, marked, servers_of, workers_of
from tests.chaos.recording_predictor import VARIABLE, Begun, epochs_begun
from tests.chaos.workspace import STUDY, Workspace

LIMIT_S = 180.0
LOOK_EVERY_S = 0.05
FINISHED, FAILED, REFUSED, STOPPED = 0, 1, 2, 3


def _as_any_user() -> list[str]:
    """Return a command prefix that removes root's right to read and write every file."""
    taken = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if os.geteuid() != 0 or shutil.which(taken[0]) is None:
        return []
    return [] if subprocess.run([*taken, "true"], capture_output=True).returncode else taken


AS_ANY_USER = _as_any_user()


class NotInjected(Exception):
    """A fault could not be brought about, for the reason given."""


class LiveSweep:
    """Starts and resumes a sweep, and counts the epochs that faults may have cost.

    Attributes:
        workspace: Its files.
        budget: Trials it is asked for.
        process: The coordinator; None before the first.
        interrupted: Epochs that faults may have interrupted so far, one per killed worker.
        retrained: Further epochs that may have to be trained again, since a checkpoint was damaged
            or could not be written.
        exit_seconds: How long each orderly stop took.
        marker: What all its processes have in their environment.
    """

    def __init__(self, workspace: Workspace, budget: int) -> None:
        self.workspace = workspace
        self.budget = budget
        self.process: subprocess.Popen[bytes] | None = None
        self.interrupted = 0
        self.retrained = 0
        self.exit_seconds: list[float] = []
        self.marker = f"TORTURE_RUN={uuid.uuid4().hex}"
        self.began = time.monotonic()

    @property
    def pid(self) -> int:
        assert self.process is not None, "it was started"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def workers(self) -> list[int]:
        return workers_of(self.pid)

    @property
    def servers(self) -> list[int]:
        return servers_of(self.pid)

    def begun(self) -> list[Begun]:
        """Return all epochs begun so far."""
        return epochs_begun(self.workspace.record)

    def training(self) -> list[int]:
        """Return the workers that have begun an epoch."""
        known = {begun.pid for begun in self.begun()}
        return [pid for pid in self.workers if pid in known]

    def loading(self) -> list[int]:
        """Return the workers that have not begun one yet."""
        known = {begun.pid for begun in self.begun()}
        return [pid for pid in self.workers if pid not in known]

    def start_or_resume(self, *, streams: bool = True) -> None:
        """Start the sweep, or resume it once there is a study.

        Args:
            streams: Whether its standard streams are open.
        """
        assert not self.running
        what = ["start", str(self.workspace.config)]
        if has_study(self.workspace.database):
            what = ["resume", STUDY]
        self._launch(*what, "--trials", str(self.budget), streams=streams)

    @property
    def obeys_permissions(self) -> bool:
        """Whether the sweep is kept out of files that are closed to their owner."""
        return os.geteuid() != 0 or bool(AS_ANY_USER)

    def command(self, *arguments: str) -> list[str]:
        return [*AS_ANY_USER, sys.executable, str(PROJECT / "run_sweep.py"), *arguments]

    def environment(self) -> dict[str, str]:
        name, _, value = self.marker.partition("=")
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        return {
            **os.environ,
            name: value,
            VARIABLE: str(self.workspace.record),
            "PYTHONPATH": path,  # for the predictor
        }

    def _launch(self, *arguments: str, streams: bool) -> None:
        command = self.command(*arguments, "--storage", self.workspace.url)
        if not streams:
            command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
        with self.workspace.output.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.workspace.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ended(self, limit_s: float = LIMIT_S) -> int:
        """Wait for the end of the coordinator and return its exit code."""
        assert self.process is not None, "it was started"
        return self.process.wait(limit_s)

    def wait(self, what: str, condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
        """Wait for a condition.

        Raises:
            TimeoutError: If it does not hold in time, with the last line of the sweep's output.
        """
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{what}: not within {limit_s:g} s; last output: {self.last_line}"
                )
            time.sleep(LOOK_EVERY_S)

    def wait_for_training(self) -> None:
        """Wait until a worker of the present coordinator trains, or the sweep is over."""
        self.wait("training", lambda: self.training() or not self.running)

    def output(self) -> str:
        """Return the output of the sweep so far."""
        if not self.workspace.output.exists():
            return ""
        return self.workspace.output.read_text(encoding="utf-8", errors="replace")

    @property
    def last_line(self) -> str:
        lines = self.output().splitlines()
        return lines[-1] if lines else "nothing"

    def clean_up(self) -> None:
        """Kill all processes of the sweep and unmount the disk."""
        for pid in marked(self.marker):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        self.workspace.release()

    def left_over(self) -> list[int]:
        """Return the processes of this sweep other than its running coordinator."""
        return [pid for pid in marked(self.marker) if not self.running or pid != self.pid]

    def gone_within(self, pids: list[int], limit_s: float) -> list[int]:
        """Wait for processes to end; return those still alive after the limit."""
        deadline = time.monotonic() + limit_s
        while any(map(is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
        return [pid for pid in pids if is_alive(pid)]
