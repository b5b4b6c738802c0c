"""Starts worker processes: forked from a process that has loaded torch, or spawned where none can.

Spawned workers load torch themselves: on systems without a safe fork, and where the process to fork
from ended before its first fork.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from fieldsharp.sweep.execution.leftover_processes import mark_worker
from fieldsharp.sweep.execution.local.forked_process import (
    ForkedProcess,
    ForkServer,
    ServerGone,
    can_fork,
)
from fieldsharp.sweep.execution.local.spawning import start_spawned

Serve = Callable[[Connection, str | None, int], None]
"""Main function of a worker: of its end of the pipe, its GPU and the pid of its parent process."""
WorkerProcess = SpawnProcess | ForkedProcess
KILL_TIMEOUT_S = 10.0
"""A process blocked on a failed disk does not end even when killed: it is abandoned."""


class WorkerProcesses:
    """Starts the workers of an executor; used by one thread.

    Args:
        work: Main function of the workers.
        server: Process to fork them from, which is closed with this; None starts one.
    """

    def __init__(self, work: Serve, server: ForkServer | None = None) -> None:
        self._work = work
        self._server = server
        self._retired: list[ForkServer] = []  # their workers live on
        self._forks = can_fork()

    def start(self, index: int, gpu: str | None, marks: range) -> tuple[WorkerProcess, Connection]:
        """Start a worker; return it and this end of its pipe.

        Args:
            index: Number of its slot.
            gpu: The GPU that it sees; None for all.
            marks: Its resource limits, see ``leftover_processes``.

        Raises:
            OSError: If no process can be started.
        """
        name = f"worker-{index}"
        if self._forks:
            try:
                run = partial(_run_worker, self._work, gpu)
                return self._living_server().fork(run, name, marks.stop - 1)
            except ServerGone:
                self._drop_server()
                return self.start(index, gpu, marks)
        pipe, worker_end = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=self._work, args=(worker_end, gpu, os.getpid()), name=name, daemon=True
        )
        start_spawned(process)
        worker_end.close()  # the pipe reads end-of-file only once no copy of this end is open
        assert process.pid is not None, "the process was started"
        mark_worker(process.pid, marks)
        return process, pipe

    def not_forked(self, process: ForkedProcess) -> None:
        """Take in that a process was not forked: unless the server was lost, none ever will be."""
        if process.refused:
            self._forks = False

    def replace_server(self) -> None:
        """Fork the next workers from a new server: the present one is frozen."""
        if self._server is not None:
            self._retired.append(self._server)
            self._server = None

    def close(self) -> None:
        """End the servers, and with them the workers that are left."""
        self.replace_server()
        for server in self._retired:
            server.close()
        self._retired = []

    def _living_server(self) -> ForkServer:
        if self._server is None:
            self._server = ForkServer()
        elif not self._server.is_alive():
            raise ServerGone
        return self._server

    def _drop_server(self) -> None:
        """Forget a server that has ended; one that did before its first fork would do so again."""
        if self._server is not None:
            self._forks = self._server.has_forked
            self._server.close()
            self._server = None


class ProcessExit:
    """Holds a descriptor that becomes readable once a process has ended.

    A pidfd where the kernel has it: the sentinel of ``multiprocessing`` is a pipe, which a child
    forked by the process holds open.

    Attributes:
        descriptor: Valid as long as this object exists.
    """

    def __init__(self, process: WorkerProcess) -> None:
        self._own: int | None = None
        self.descriptor = process.sentinel
        if hasattr(os, "pidfd_open") and process.pid is not None:
            with suppress(OSError):  # an old kernel, or the process was already waited for
                self._own = self.descriptor = os.pidfd_open(process.pid)

    def __del__(self) -> None:
        if self._own is not None:
            os.close(self._own)


def kill(process: WorkerProcess) -> None:
    """Kill a worker and wait for its end."""
    process.kill()  # not terminate: that signal is blocked
    deadline = time.monotonic() + KILL_TIMEOUT_S
    # Not join with a timeout: that waits for a pipe which a child of the worker may hold open.
    while process.pid is not None and process.exitcode is None and time.monotonic() < deadline:
        time.sleep(0.002)


def _run_worker(work: Serve, gpu: str | None, pipe: Connection, parent_pid: int) -> None:
    work(pipe, gpu, parent_pid)
