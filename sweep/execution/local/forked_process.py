"""Starts the process that workers are forked from, and its forks, as the coordinator sees them."""

import atexit
import multiprocessing
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.sweep.execution.local.fork_server import (
    AT_ONCE,
    COMPLETE,
    REFUSED,
    STATUS,
    Run,
    Surroundings,
    serve_forks,
)
from fieldsharp.sweep.execution.local.spawning import start_spawned

MODULES = (
    "fieldsharp.sweep.execution.local.worker",
    "torch._dynamo",  # by every optimiser of torch
    "torch.profiler",
    "cfgrib.xarray_plugin",  # by xarray, if it is installed, whatever the format
    "h5netcdf.legacyapi",
    "pint",  # the same
    "scipy.ndimage",
    "scipy.optimize",
)
"""What a worker imports until its first epoch has ended."""
LOOK_S = 0.1
STATUS_TIMEOUT_S = 1.0
"""A server that is frozen tells nothing of a fork that has ended."""
UNKNOWN_CODE = 255


class ServerGone(OSError):
    """The process that workers are forked from has ended."""


class ForkedProcess:
    """A process forked by the server; has what the executor uses of ``multiprocessing``'s.

    ``wait_started`` is called by one thread, and before it has returned True there is no pid.

    Attributes:
        pid: Process id, None before it was forked.
        sentinel: Descriptor that becomes readable when it has ended, of a pidfd.
        refused: Whether the server can fork no process.
        error: Number of the system's error for which it was not forked; 0 for none.
    """

    def __init__(self, status: int, forks: threading.Event) -> None:
        self.pid: int | None = None
        self.sentinel = -1
        self.refused = False
        self.error = 0
        self._status = status
        self._forks = forks
        self._exitcode: int | None = None
        self._unwanted = False

    def __del__(self) -> None:
        for descriptor in (self._status, self.sentinel):
            if descriptor >= 0:
                os.close(descriptor)

    def wait_started(self) -> bool:
        """Wait until the process is forked; False if it will not be, or was killed before."""
        while not self._unwanted:
            if wait([self._status], LOOK_S):
                return self._take_pid()
        return False

    def kill_when_started(self) -> None:
        """Wait until a process that was killed before it was forked is forked after all."""
        if self._unwanted and self.pid is None:
            wait([self._status])
            self._take_pid()

    def _take_pid(self) -> bool:
        told = os.read(self._status, STATUS.size)
        if not told:
            return False  # the server has ended
        (pid,) = STATUS.unpack(told)
        if pid <= 0:
            self.refused, self.error = pid == REFUSED, -pid
            return False
        try:
            self.sentinel = os.pidfd_open(pid)
        except OSError:  # it has ended and the server has waited for it
            self._exitcode = self._told_code()
        self.pid = pid
        self._forks.set()
        if self._unwanted:
            self.kill()
        return True

    @property
    def exitcode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs or was not forked."""
        if self._exitcode is None and self.pid is not None and wait([self.sentinel], 0.0):
            self._exitcode = self._told_code()
        return self._exitcode

    def is_alive(self) -> bool:
        """Return whether it runs, or will."""
        if self.pid is None:
            return not self._unwanted
        return self.exitcode is None

    def kill(self) -> None:
        """End it at once; before it is forked, as soon as it is."""
        self._unwanted = True
        if self.sentinel >= 0 and self._exitcode is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.sentinel, signal.SIGKILL)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        if self.sentinel >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.sentinel, signal.SIGTERM)

    def join(self, timeout: float) -> None:
        """Wait for its end."""
        if self.sentinel >= 0 and self._exitcode is None:
            wait([self.sentinel], timeout)

    def _told_code(self) -> int:
        ready, _, _ = select.select([self._status], [], [], STATUS_TIMEOUT_S)
        told = os.read(self._status, STATUS.size) if ready else b""
        if not ready:
            return UNKNOWN_CODE
        # Without a code the server has ended, and the kernel killed the process with it.
        return int(STATUS.unpack(told)[0]) if told else -signal.SIGKILL


class ForkServer:
    """Starts the server process, which dies with this one; used by one thread.

    Args:
        modules: What it imports: the first before any fork, the others meanwhile.

    Raises:
        OSError: If no process can be started.
    """

    def __init__(self, modules: Sequence[str] = MODULES) -> None:
        self._forks = threading.Event()
        context = multiprocessing.get_context("spawn")
        control, server_end = context.Pipe()
        self._process = context.Process(
            target=serve_forks,
            args=(server_end, os.getpid(), tuple(modules)),
            name="fork-server",
            daemon=True,
        )
        with control:
            start_spawned(self._process)
            server_end.close()
            self._control = socket.socket(fileno=os.dup(control.fileno()))
        # Before Python waits at its exit for a process that is deaf to its signal.
        atexit.register(self._close_at_exit, os.getpid())

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    @property
    def has_forked(self) -> bool:
        """Whether it has forked a process yet."""
        return self._forks.is_set()

    def is_alive(self) -> bool:
        """Return whether it runs."""
        return self._process.is_alive()

    def fork(
        self, run: Run, name: str, mark: int, *, at_once: bool = False
    ) -> tuple[ForkedProcess, Connection]:
        """Ask for a process, without waiting for it; return it and this end of its pipe.

        Args:
            run: Pickled for it.
            name: Of the process.
            mark: Its resource limit, see ``leftover_processes``.
            at_once: Fork before the server has imported all of its modules.

        Raises:
            ServerGone: If the server has ended.
            OSError: If there are too many descriptors.
        """
        if self._control.fileno() < 0:
            raise ServerGone  # it was closed
        pipe, far_pipe = multiprocessing.Pipe()
        status, far_status = os.pipe()
        process = ForkedProcess(status, self._forks)
        try:
            with far_pipe:
                request = AT_ONCE if at_once else COMPLETE
                socket.send_fds(self._control, [request], [far_pipe.fileno(), far_status])
            pipe.send(_surroundings(name, mark))
            pipe.send(run)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ServerGone from error
        finally:
            os.close(far_status)
        return process, pipe

    def close(self) -> None:
        """End it, and with it every process that it forked."""
        atexit.unregister(self._close_at_exit)
        self._control.close()
        self._process.kill()
        self._process.join()

    def _close_at_exit(self, owner: int) -> None:
        if os.getpid() == owner:  # not in a fork of this process
            self.close()


def can_fork() -> bool:
    """Return whether workers can be forked from a server on this system.

    Linux alone ends a fork with its parent, and macOS's libraries do not survive a fork.
    """
    if sys.platform != "linux" or not hasattr(signal, "pidfd_send_signal"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # an old kernel
        return False
    return True


def _surroundings(name: str, mark: int) -> Surroundings:
    try:
        folder: str | None = str(Path.cwd())
    except OSError:  # it was removed
        folder = None
    path = tuple(entry or (folder or "") for entry in sys.path)
    return Surroundings(name, path, folder, environment_without_secrets(), mark)


def wait_for_end(process: ForkedProcess, timeout_s: float) -> None:
    """Wait for the end of a process, and kill it after a while."""
    deadline = time.monotonic() + timeout_s
    while process.exitcode is None and time.monotonic() < deadline:
        process.join(deadline - time.monotonic())
    process.kill()
