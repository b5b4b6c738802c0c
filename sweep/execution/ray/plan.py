"""Plans an executor on a Ray cluster: connects to the cluster and counts the workers that fit."""

import logging

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.executor import ExecutorPlan
from fieldsharp.sweep.execution.ray.connection import connect_to_cluster, require_ray
from fieldsharp.sweep.execution.ray.resources import make_resources
from fieldsharp.sweep.execution.ray.transfer import worker_environment

logger = logging.getLogger(__name__)


def ray_plan(config: SweepConfig) -> ExecutorPlan:
    """Connect to the Ray cluster of a configuration and return the plan of its executor.

    Raises:
        ConfigError: If Ray is not installed, the cluster or the checkpoint mirror cannot be used,
            or a GPU is required and no node has one.
        FieldsharpError: If connecting fails in another way.
    """
    require_ray()
    mirror = None
    if config.ray.checkpoints is not None:
        from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync

        mirror = CheckpointSync(config.ray.checkpoints)
        mirror.require_writable()
    with worker_environment(config) as environment:
        address = connect_to_cluster(config.ray.address, environment)
    import ray  # here: Ray reads its token when it is imported

    from fieldsharp.sweep.execution.ray.executor import RayExecutor

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    resources = make_resources(
        config, [(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes]
    )
    logger.info("%s: on the Ray cluster at %s, %s", config.study, address, resources.description)
    return ExecutorPlan(
        resources.workers, lambda folder: RayExecutor(config, resources, folder, mirror)
    )
