"""Which executor runs the trials of a sweep: processes of this machine, or a Ray cluster."""

from collections.abc import Callable
from pathlib import Path

from sweep.configuration.settings import SweepConfig
from sweep.running.executor import Executor
from sweep.running.local_executor import LocalExecutor

MakeExecutor = Callable[[int, Path], Executor]
"""From how many trials at a time, and the folder of the study's files, to what trains them."""


def executor_of(config: SweepConfig) -> MakeExecutor:
    """Return how to make the executor a configuration asks for; a cluster is entered already.

    Raises:
        ConfigError: If its cluster cannot be used.
        FieldsharpError: If that fails in another way.
    """
    if config.executor == "local":
        return lambda workers, _: LocalExecutor(workers)
    # Only here: Ray is an extra.
    from sweep.running.ray_cluster.connection import enter_cluster, require_ray
    from sweep.running.ray_cluster.shipping import worker_environment

    require_ray()
    mirror = None
    if config.ray.checkpoints is not None:
        from storage.checkpoint_mirror import CheckpointMirror

        mirror = CheckpointMirror(config.ray.checkpoints)
        mirror.require_writable()
    with worker_environment(config) as environment:
        enter_cluster(config.ray.address, environment)
    from sweep.running.ray_cluster.ray_executor import RayExecutor

    return lambda workers, folder: RayExecutor(config, workers, folder, mirror)
