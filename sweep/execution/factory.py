"""Where the trials of a sweep run: in processes of this machine, or on a Ray cluster."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.device import count_cards
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.execution.gpus import VISIBLE, visible_cards, words_for_workers, worker_count
from fieldsharp.sweep.execution.local.executor import LocalExecutor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machines:
    """What trials run on.

    Attributes:
        workers: How many trials at a time, at most.
        executor: From the folder of the study's files to what runs them.
    """

    workers: int
    executor: Callable[[Path], Executor]


def machines_of(config: SweepConfig) -> Machines:
    """Return what the trials of a configuration run on; a cluster is entered already.

    Raises:
        ConfigError: If the device asked for is not there, or the cluster cannot be used.
        FieldsharpError: If that fails in another way.
    """
    if config.executor == "ray":
        return _cluster(config)
    cards = visible_cards(count_cards(config.training), os.environ.get(VISIBLE))
    settings = config.workers
    words = words_for_workers(settings, len(cards))
    if words:
        level = logging.INFO if cards else logging.WARNING
        logger.log(level, "%s: %s", config.study, words)
    workers = worker_count(settings, len(cards))

    def executor(folder: Path) -> Executor:
        _fetch_checkpoints(config, folder)
        return LocalExecutor(workers, cards=cards)

    return Machines(workers, executor)


def _fetch_checkpoints(config: SweepConfig, folder: Path) -> None:
    """Fetch what a sweep that ran on a cluster before could not take home itself."""
    if config.ray.checkpoints is None:
        return
    from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointMirror
    from fieldsharp.sweep.execution.ray.checkpoint_sync import Carrier

    try:
        mirror = CheckpointMirror(config.ray.checkpoints)
    except ConfigError as error:
        logger.warning("%s: %s", config.study, error)
        return
    Carrier(mirror, folder).take_all_home()


def _cluster(config: SweepConfig) -> Machines:
    # Only here: Ray is an extra.
    from fieldsharp.sweep.execution.ray.connection import enter_cluster, require_ray
    from fieldsharp.sweep.execution.ray.runtime_env import worker_environment

    require_ray()
    mirror = None
    if config.ray.checkpoints is not None:
        from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointMirror

        mirror = CheckpointMirror(config.ray.checkpoints)
        mirror.require_writable()
    with worker_environment(config) as environment:
        address = enter_cluster(config.ray.address, environment)
    from fieldsharp.sweep.execution.ray.executor import RayExecutor
    from fieldsharp.sweep.execution.ray.resources import share_of_cluster

    share = share_of_cluster(config)
    logger.info("%s: on the Ray cluster at %s, %s", config.study, address, share.words)
    return Machines(share.workers, lambda folder: RayExecutor(config, share, folder, mirror))
