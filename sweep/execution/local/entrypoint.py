"""Where a worker process begins: it makes sure of its end before it loads anything.

Loading torch takes seconds. A worker whose coordinator dies meanwhile would go on for as long, and
one that is frozen then for ever: so this imports nothing that is slow.
"""

import os
import signal
from multiprocessing.connection import Connection

from fieldsharp.core.secret_variables import forget_secrets
from fieldsharp.core.standard_streams import keep_standard_streams
from fieldsharp.sweep.execution.gpus import VISIBLE
from fieldsharp.sweep.execution.local.malloc import keep_freed_memory
from fieldsharp.sweep.execution.local.parent_death import end_with_parent
from fieldsharp.sweep.execution.log_output import log_of_workers


def serve(pipe: Connection, card: str | None, coordinator_pid: int) -> None:
    """Entry of the worker process.

    Args:
        pipe: To the coordinator.
        card: The graphics card it takes for its life; None for whatever there is.
        coordinator_pid: It ends with that process.
    """
    # Ctrl-C reaches the whole process group: the coordinator decides what becomes of the trials.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(coordinator_pid)
    keep_standard_streams()  # code of the user's may print, and nobody may read it
    forget_secrets()
    keep_freed_memory()
    log_of_workers()
    if card is not None:  # before CUDA looks: code of the user's, and scripts, see no other either
        os.environ[VISIBLE] = card
    from fieldsharp.sweep.execution.local.worker import Worker

    Worker(pipe, card).serve()
