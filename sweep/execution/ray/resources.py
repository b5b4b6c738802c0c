"""Resources that a sweep's workers request from a Ray cluster, and how many workers fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.gpus import DEFAULT_WORKERS


@dataclass(frozen=True)
class WorkerResources:
    """CPUs and GPUs that each worker requests from Ray, and the most workers at the same time.

    ``gpus`` is less than one if several share a GPU.
    """

    workers: int
    cpus: float
    gpus: float

    def workers_on(self, cpus: float, gpus: float) -> int:
        """Return how many workers fit on an idle node."""
        by_cpus = floor(cpus / self.cpus)
        if not self.gpus:
            return by_cpus
        return min(by_cpus, floor(gpus) * floor(1 / self.gpus))

    def fits(self, node: dict[str, Any]) -> bool:
        """Return whether a node, as Ray describes it, is alive and large enough for a worker."""
        has = node["Resources"]
        return bool(node["Alive"] and self.workers_on(has.get("CPU", 0.0), has.get("GPU", 0.0)))

    @property
    def description(self) -> str:
        """The request, for a log line."""
        gpus = f" and {self.gpus:.3g} GPUs" if self.gpus else ""
        many = f"{self.workers} workers" if self.workers > 1 else "1 worker"
        return f"{many} with {self.cpus:g} CPUs{gpus} each"


def make_resources(config: SweepConfig, nodes: Sequence[tuple[float, float]]) -> WorkerResources:
    """Return the resources of each worker, and the number of workers.

    Without a configured number of workers, as many as fit on the nodes now, by CPUs and GPUs.

    Raises:
        ConfigError: If a GPU is required and no node has one.
    """
    training, configured = config.training, config.workers
    cpus, gpus = config.ray.cpus or training.threads, 0.0
    has_gpus = any(node_gpus for _, node_gpus in nodes)
    if training.device == "cuda" and not has_gpus:
        raise ConfigError(
            "training.device is cuda, and no node of the Ray cluster has a GPU now; start the "
            "sweep when those with GPUs have joined, or set training.device to auto"
        )
    if training.device != "cpu" and has_gpus:
        # Ray counts in ten-thousandths: three times a third must not exceed one.
        gpus = floor(10_000 / (configured.per_gpu or 1)) / 10_000
    resources = WorkerResources(1, cpus, gpus)
    fitting = sum(resources.workers_on(*node) for node in nodes)
    return replace(resources, workers=configured.count or fitting or DEFAULT_WORKERS)
