"""A worker on a Ray cluster that sleeps where another trains; all around it is the real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from unittest.mock import patch

from benchmarks.sleeping_worker import Pretence, SleepingWorker
from fieldsharp.sweep.execution.ray.actor import TrialActor


@contextmanager
def sleeping_actors(told: Pretence) -> Iterator[None]:
    """Have every worker that is begun meanwhile on a cluster sleep.

    The cluster's code has no seam for it, as it needs none: so the name is replaced here, and in
    the worker's own process what it serves.

    Args:
        told: What its trials come to.
    """

    class SleepingTrialWorker(TrialActor):
        def __init__(self, places: list[str], mirror: str | None, mark: str) -> None:
            def serve(pipe: Connection) -> None:
                SleepingWorker(told, pipe).serve()

            patch("fieldsharp.sweep.execution.ray.actor._serve", serve).start()
            super().__init__(places, mirror, mark)

    with patch("fieldsharp.sweep.execution.ray.executor.TrialActor", SleepingTrialWorker):
        yield
