"""A worker must not outlive its coordinator: it would train for nobody, on a machine it holds."""

import ctypes
import os
import signal
import sys
import threading
import time

LOOK_EVERY_S = 1.0
_PR_SET_PDEATHSIG = 1


def end_with_parent(coordinator_pid: int) -> None:
    """Have this process ended when the one that started it dies, however either hangs then.

    On Linux by the kernel, which ends even a stopped process; elsewhere by a thread that looks.

    Args:
        coordinator_pid: Of the process that started this one.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_look, args=(coordinator_pid,), daemon=True).start()
    if os.getppid() != coordinator_pid:  # it died before anybody looked
        os._exit(1)


def _look(coordinator_pid: int) -> None:
    while os.getppid() == coordinator_pid:
        time.sleep(LOOK_EVERY_S)
    os._exit(1)
