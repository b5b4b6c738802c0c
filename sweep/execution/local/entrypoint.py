"""Entry point of a worker process: set to die with its parent before torch is imported.

The parent is the coordinator, or the process that workers are forked from, which dies with it.
Importing torch takes seconds. A worker whose coordinator dies meanwhile would go on for as long,
and a stopped one forever: so this module imports nothing slow.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection

from fieldsharp.core.secret_variables import forget_secrets
from fieldsharp.core.standard_streams import keep_standard_streams
from fieldsharp.core.working_folder import leave_safe_path
from fieldsharp.sweep.execution.gpus import CUDA_VISIBLE_DEVICES
from fieldsharp.sweep.execution.log_output import log_of_workers

PARENT_CHECK_INTERVAL_S = 1.0
_PR_SET_PDEATHSIG = 1
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_MMAP_THRESHOLD = 32 * 2**20
"""Bytes; the largest value that glibc accepts."""
TRIM_THRESHOLD = 256 * 2**20
"""Bytes of freed memory that the process keeps."""


def serve(pipe: Connection, gpu: str | None, parent_pid: int) -> None:
    """Run the worker process, which is killed when its parent process dies.

    It sees one GPU alone, or with None all that are visible.
    """
    leave_safe_path()
    # Ctrl-C reaches the whole process group: the coordinator decides what becomes of the trials.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent_pid)
    keep_standard_streams()  # user code may print, and nothing may read it
    forget_secrets()
    keep_freed_memory()
    log_of_workers()
    if gpu is not None:  # before CUDA is initialised, and for user code and scripts too
        os.environ[CUDA_VISIBLE_DEVICES] = gpu
    from fieldsharp.sweep.execution.local.worker import Worker

    Worker(pipe, gpu).serve()


def end_with_parent(parent_pid: int) -> None:
    """Have this process killed when its parent dies, even if either is stopped or hangs.

    On Linux by the kernel, which kills even a stopped process; elsewhere by a polling thread.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_exit_with_parent, args=(parent_pid,), daemon=True).start()
    if os.getppid() != parent_pid:  # it died before the call
        os._exit(1)


def _exit_with_parent(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(PARENT_CHECK_INTERVAL_S)
    os._exit(1)


def keep_freed_memory() -> None:
    """Let malloc reuse freed memory instead of returning it to the kernel, with glibc.

    glibc returns memory as soon as some megabytes are free, so the kernel would have to clear the
    pages of every verified batch anew: a fifth of the time of a verification. The peak memory of
    the process stays the same.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        library.mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD)
