"""What a trial takes of a cluster, and how many there are at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.gpus import WORKERS


@dataclass(frozen=True)
class WorkerResources:
    """What each worker is given.

    Attributes:
        workers: How many there are, at most.
        cpus: Of a node.
        gpus: Of a node; less than one where several share a card.
    """

    workers: int
    cpus: float
    gpus: float

    def room(self, cpus: float, gpus: float) -> int:
        """Return how many workers find room on an empty node."""
        by_cpus = floor(cpus / self.cpus)
        if not self.gpus:
            return by_cpus
        return min(by_cpus, floor(gpus) * floor(1 / self.gpus))

    def fits(self, node: dict[str, Any]) -> bool:
        """Return whether a node, as Ray describes it, is there and large enough for a worker."""
        has = node["Resources"]
        return bool(node["Alive"] and self.room(has.get("CPU", 0.0), has.get("GPU", 0.0)))

    @property
    def words(self) -> str:
        """What is asked for, for a person."""
        gpus = f" and {self.gpus:.3g} GPUs" if self.gpus else ""
        many = f"{self.workers} workers" if self.workers > 1 else "1 worker"
        return f"{many} with {self.cpus:g} CPUs{gpus} each"


def resources_of_cluster(config: SweepConfig) -> WorkerResources:
    """Return what workers of a configuration take of the cluster that was entered.

    Raises:
        ConfigError: If a GPU is asked for and no node has one.
    """
    import ray  # here, as it reads the token when it is loaded

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return make_resources(config, [(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes])


def make_resources(config: SweepConfig, nodes: Sequence[tuple[float, float]]) -> WorkerResources:
    """Return what each worker takes, and how many there are.

    Where no number of workers is asked for, as many as there is room for now.

    Args:
        config: What is swept.
        nodes: CPUs and GPUs of each.

    Raises:
        ConfigError: If a GPU is asked for and no node has one.
    """
    training, asked = config.training, config.workers
    cpus, gpus = config.ray.cpus or training.threads, 0.0
    has_gpus = any(node_gpus for _, node_gpus in nodes)
    if training.device == "cuda" and not has_gpus:
        raise ConfigError(
            "training.device is cuda, and no node of the Ray cluster has a GPU now; start the "
            "sweep when those with GPUs have joined, or set training.device to auto"
        )
    if training.device != "cpu" and has_gpus:
        # Ray counts in ten-thousandths: three times a third is to be no more than one.
        gpus = floor(10_000 / (asked.per_gpu or 1)) / 10_000
    share = WorkerResources(1, cpus, gpus)
    room = sum(share.room(*node) for node in nodes)
    return replace(share, workers=asked.count or room or WORKERS)
