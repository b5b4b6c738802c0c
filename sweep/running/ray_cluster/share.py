"""What a trial takes of a cluster, and how many there are at a time."""

from dataclasses import dataclass
from math import floor

from sweep.configuration.settings import SweepConfig
from sweep.running.cards import WORKERS, worker_count


@dataclass(frozen=True)
class Share:
    """What each worker is given.

    Attributes:
        workers: How many there are, at most.
        cpus: Of a node.
        gpus: Of a node; less than one where several share a card.
    """

    workers: int
    cpus: float
    gpus: float

    @property
    def words(self) -> str:
        """What is asked for, for a person."""
        gpus = f" and {self.gpus:.3g} GPUs" if self.gpus else ""
        many = f"{self.workers} workers" if self.workers > 1 else "1 worker"
        return f"{many} with {self.cpus:g} CPUs{gpus} each"


def share_of_cluster(config: SweepConfig) -> Share:
    """Return what workers of a configuration take of the cluster that was entered."""
    import ray  # here, as it reads the token when it is loaded

    has = ray.cluster_resources()
    cpus = config.ray.cpus or config.training.threads
    return make_share(config, cpus, has.get("CPU", 0.0), has.get("GPU", 0.0))


def make_share(config: SweepConfig, cpus: float, all_cpus: float, all_gpus: float) -> Share:
    """Return what each worker takes of so many CPUs and GPUs."""
    cards = 0 if config.training.device == "cpu" else int(all_gpus)
    if not cards:
        return Share(config.workers.count or max(WORKERS, floor(all_cpus / cpus)), cpus, 0.0)
    # Ray counts in ten-thousandths: three times a third is to be no more than one.
    gpus = floor(10_000 / (config.workers.per_gpu or 1)) / 10_000
    return Share(worker_count(config.workers, cards), cpus, gpus)
