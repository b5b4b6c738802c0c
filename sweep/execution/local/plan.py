"""Plan of an executor on this machine: how many workers, on which GPUs."""

import logging
import os
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.location.paths import SERIES
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.executor import Executor, ExecutorPlan
from fieldsharp.sweep.execution.gpus import (
    CUDA_VISIBLE_DEVICES,
    describe_workers,
    visible_gpus,
    worker_count,
)
from fieldsharp.sweep.execution.local.executor import LocalExecutor
from fieldsharp.sweep.execution.local.forked_process import ForkServer
from fieldsharp.sweep.study.shared_data import shared_data

logger = logging.getLogger(__name__)


def local_plan(
    config: SweepConfig, gpus: int | None = None, server: ForkServer | None = None
) -> ExecutorPlan:
    """Return the plan of an executor on this machine.

    Args:
        config: Of the sweep.
        gpus: How many CUDA GPUs trainings may use; None counts them, which loads torch.
        server: Process to fork workers from; None starts one with the first worker.

    Raises:
        ConfigError: If the configured device is missing.
    """
    if gpus is None:
        from fieldsharp.model.device import count_gpus  # here, because it imports torch

        gpus = count_gpus(config.training)
    visible = visible_gpus(gpus, os.environ.get(CUDA_VISIBLE_DEVICES))
    description = describe_workers(config.workers, len(visible))
    if description:
        level = logging.INFO if visible else logging.WARNING
        logger.log(level, "%s: %s", config.study, description)
    workers = worker_count(config.workers, len(visible))

    def executor(folder: Path) -> Executor:
        _fetch_checkpoints(config, folder)
        shared = shared_data(config, folder.parent / SERIES)
        return LocalExecutor(workers, gpus=visible, shared=shared, server=server)

    return ExecutorPlan(workers, executor)


def _fetch_checkpoints(config: SweepConfig, folder: Path) -> None:
    """Fetch the checkpoints that an earlier run of the study on a cluster left in the mirror."""
    if config.ray.checkpoints is None:
        return
    from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
    from fieldsharp.sweep.execution.checkpoint_transfer import CheckpointTransfer

    try:
        mirror = CheckpointSync(config.ray.checkpoints)
    except ConfigError as error:
        logger.warning("%s: %s", config.study, error)
        return
    CheckpointTransfer(mirror, folder).fetch_all()
