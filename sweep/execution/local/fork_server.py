"""The process that workers are forked from: it has loaded torch once, and does nothing else.

A fork copies one thread alone, and CUDA does not survive it. So this process only imports: it
computes nothing, opens no data and no device, and forks only while it has a single thread. It ends
with the coordinator, and its forks end with it.
"""

import atexit
import errno
import gc
import os
import random
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, invalidate_caches
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

from fieldsharp.core.secret_variables import forget_secrets
from fieldsharp.core.standard_streams import keep_standard_streams
from fieldsharp.core.working_folder import leave_safe_path
from fieldsharp.sweep.execution.local.entrypoint import end_with_parent
from fieldsharp.sweep.execution.log_output import log_of_workers

STATUS = struct.Struct("!i")
"""What is told of a fork: its pid, and at its end its exit code."""
REFUSED = 0
"""In place of a pid: this process may not fork, since a module that it imported has threads."""
AT_ONCE, COMPLETE = b"a", b"c"
"""Requests: fork with what is imported so far, or with all modules."""
THREADS_END_S = 1.0
TASKS = Path("/proc/self/task")
Run = Callable[[Connection, int], None]
"""What a fork runs: with its end of the pipe, and the pid of this process."""


@dataclass(frozen=True)
class Surroundings:
    """What a fork takes over from the coordinator as it is now, sent before what it is to run.

    Attributes:
        name: Of the process, in logs.
        path: Where modules are searched.
        folder: Working folder; None if it was removed.
        environment: Environment variables, without secrets.
        mark: Its resource limit, see ``leftover_processes``.
    """

    name: str
    path: tuple[str, ...]
    folder: str | None
    environment: Mapping[str, str]
    mark: int


def serve_forks(control: Connection, coordinator_pid: int, modules: Sequence[str]) -> None:
    """Import modules, and fork a process for every request, until the coordinator is gone.

    Args:
        control: Brings a byte for each request, with the descriptors of a pipe and for the status.
        coordinator_pid: Of the parent process.
        modules: The first is imported before any fork, the others while there is no request, or
            before a fork that is to have them all.
    """
    leave_safe_path()
    end_with_parent(coordinator_pid)
    keep_standard_streams()
    forget_secrets()
    log_of_workers()
    requests = socket.socket(fileno=os.dup(control.fileno()))
    control.close()
    with requests:
        _Server(requests, modules).run()


class _Server:
    """Answers requests; ``_children`` has pid and status descriptor by the pidfd of a fork."""

    def __init__(self, requests: socket.socket, modules: Sequence[str]) -> None:
        self._requests = requests
        self._modules = list(modules)
        self._children: dict[int, tuple[int, int]] = {}

    def run(self) -> None:
        self._import_next()
        while True:
            idle = 0.0 if self._modules else None
            ready = wait([self._requests, *self._children], idle)
            for pidfd in set(ready) & set(self._children):
                assert isinstance(pidfd, int), "the children are listed by descriptor"
                self._end(pidfd)
            if self._requests in ready and not self._answer():
                return
            if not ready:
                self._import_next()

    def _import_next(self) -> None:
        # A fork that needs the module fails with the same error, which is told there.
        with suppress(Exception):
            import_module(self._modules.pop(0))
        gc.collect()
        gc.freeze()  # the collector of a fork would write to all of these pages

    def _answer(self) -> bool:
        """Fork for one request; False if there will be no further one."""
        try:
            sent, descriptors, _, _ = socket.recv_fds(self._requests, 1, 2)
        except ConnectionResetError:
            return False
        if not sent:
            return False
        while self._modules and sent == COMPLETE:
            self._import_next()
        pipe, status = descriptors
        own, pid = os.getpid(), REFUSED
        try:
            if _has_one_thread():
                pid = os.fork()
                if pid == 0:
                    self._become_fork(Connection(pipe), status, own)
        except OSError as error:
            pid = -(error.errno or errno.EAGAIN)
        os.close(pipe)
        if pid <= 0:
            _tell(status, pid)
            os.close(status)
            return True
        self._children[os.pidfd_open(pid)] = pid, status
        if not _tell(status, pid):  # nobody waits for it any more
            os.kill(pid, signal.SIGKILL)
        return True

    def _become_fork(self, pipe: Connection, status: int, server_pid: int) -> NoReturn:
        code = 1
        try:
            os.close(status)
            self._requests.close()
            for pidfd, (_, other) in self._children.items():
                os.close(pidfd)
                os.close(other)
            code = _run_fork(pipe, server_pid)
        finally:
            os._exit(code)

    def _end(self, pidfd: int) -> None:
        pid, status = self._children.pop(pidfd)
        _, ended = os.waitpid(pid, 0)
        _tell(status, os.waitstatus_to_exitcode(ended))
        os.close(status)
        os.close(pidfd)


def _tell(status: int, number: int) -> bool:
    try:
        os.write(status, STATUS.pack(number))
    except BrokenPipeError:
        return False
    return True


def _has_one_thread() -> bool:
    """Return whether this process can be forked.

    The threads of NumPy's OpenBLAS, which wait for work, end when a process is forked, and are
    started again when they are needed: so one fork that ends at once makes this a single thread.
    """
    if len(list(TASKS.iterdir())) > 1:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    deadline = time.monotonic() + THREADS_END_S
    while len(list(TASKS.iterdir())) > 1:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return threading.active_count() == 1


def _run_fork(pipe: Connection, server_pid: int) -> int:
    """Run what the coordinator sends; return the exit code."""
    end_with_parent(server_pid)
    try:
        surroundings: Surroundings = pipe.recv()
        _take_over(surroundings)
        run: Run = pipe.recv()
        run(pipe, server_pid)
        code = 0
    except EOFError:  # the coordinator needs it no more
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - the end of a process: as Python itself tells of it
        traceback.print_exc()
        code = 1
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _take_over(surroundings: Surroundings) -> None:
    from multiprocessing import current_process

    with suppress(OSError, ValueError):  # it has a lower limit already
        resource.setrlimit(resource.RLIMIT_RTTIME, (surroundings.mark, surroundings.mark))
    current_process().name = surroundings.name
    sys.path[:] = surroundings.path
    invalidate_caches()
    if surroundings.folder is not None:
        with suppress(OSError):
            os.chdir(surroundings.folder)
    os.environ.clear()
    os.environ.update(surroundings.environment)
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
