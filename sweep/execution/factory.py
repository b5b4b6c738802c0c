"""Where the trials of a sweep run: in processes of this machine, or on a Ray cluster."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.device import count_gpus
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.execution.gpus import VISIBLE, describe_workers, visible_gpus, worker_count
from fieldsharp.sweep.execution.local.executor import LocalExecutor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExecutorPlan:
    """What trials run on.

    Attributes:
        workers: How many trials at a time, at most.
        executor: From the folder of the study's files to what runs them.
    """

    workers: int
    executor: Callable[[Path], Executor]


def executor_plan(config: SweepConfig) -> ExecutorPlan:
    """Return what the trials of a configuration run on; a cluster is entered already.

    Raises:
        ConfigError: If the device asked for is not there, or the cluster cannot be used.
        FieldsharpError: If that fails in another way.
    """
    if config.executor == "ray":
        return _cluster(config)
    cards = visible_gpus(count_gpus(config.training), os.environ.get(VISIBLE))
    settings = config.workers
    words = describe_workers(settings, len(cards))
    if words:
        level = logging.INFO if cards else logging.WARNING
        logger.log(level, "%s: %s", config.study, words)
    workers = worker_count(settings, len(cards))

    def executor(folder: Path) -> Executor:
        _fetch_checkpoints(config, folder)
        return LocalExecutor(workers, cards=cards)

    return ExecutorPlan(workers, executor)


def _fetch_checkpoints(config: SweepConfig, folder: Path) -> None:
    """Fetch what a sweep that ran on a cluster before could not take home itself."""
    if config.ray.checkpoints is None:
        return
    from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
    from fieldsharp.sweep.execution.ray.checkpoint_sync import CheckpointTransfer

    try:
        mirror = CheckpointSync(config.ray.checkpoints)
    except ConfigError as error:
        logger.warning("%s: %s", config.study, error)
        return
    CheckpointTransfer(mirror, folder).take_all_home()


def _cluster(config: SweepConfig) -> ExecutorPlan:
    # Only here: Ray is an extra.
    from fieldsharp.sweep.execution.ray.connection import enter_cluster, require_ray
    from fieldsharp.sweep.execution.ray.runtime_env import worker_environment

    require_ray()
    mirror = None
    if config.ray.checkpoints is not None:
        from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync

        mirror = CheckpointSync(config.ray.checkpoints)
        mirror.require_writable()
    with worker_environment(config) as environment:
        address = enter_cluster(config.ray.address, environment)
    from fieldsharp.sweep.execution.ray.executor import RayExecutor
    from fieldsharp.sweep.execution.ray.resources import resources_of_cluster

    share = resources_of_cluster(config)
    logger.info("%s: on the Ray cluster at %s, %s", config.study, address, share.words)
    return ExecutorPlan(share.workers, lambda folder: RayExecutor(config, share, folder, mirror))
