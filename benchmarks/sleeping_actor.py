"""A worker on a Ray cluster that sleeps instead of training; all else is the real code."""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from unittest.mock import patch

from benchmarks.sleeping_worker import Pretence, SleepingWorker
from fieldsharp.sweep.execution.ray.actor import TrialActor


@contextmanager
def sleeping_actors(told: Pretence) -> Iterator[None]:
    """Have every worker started in this context on a cluster sleep instead of training.

    The product has no hook for this, so the actor class is patched here, and the worker in its
    own process.

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
