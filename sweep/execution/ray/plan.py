"""Plans an executor on a Ray cluster: connects to the cluster and counts the workers that fit."""

import logging

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.executor import ExecutorPlan
from fieldsharp.sweep.execution.ray.connection import connect_to_cluster, require_ray
from fieldsharp.sweep.execution.ray.resources import resources_of_cluster
from fieldsharp.sweep.execution.ray.transfer import worker_environment

logger = logging.getLogger(__name__)


def ray_plan(config: SweepConfig) -> ExecutorPlan:
    """Connect to the Ray cluster of a configuration and return the plan of its executor.

    Raises:
        ConfigError: If Ray is not installed, or the cluster or the checkpoint mirror cannot be
            used.
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
    from fieldsharp.sweep.execution.ray.executor import RayExecutor  # imports Ray

    resources = resources_of_cluster(config)
    logger.info("%s: on the Ray cluster at %s, %s", config.study, address, resources.description)
    return ExecutorPlan(
        resources.workers, lambda folder: RayExecutor(config, resources, folder, mirror)
    )
