import pytest

from sweep.configuration.execution import WorkerSettings
from sweep.configuration.settings import SweepConfig
from sweep.running.ray_cluster.share import make_share


def _with(config: SweepConfig, device: str = "auto", **workers: int) -> SweepConfig:
    training = config.training.model_copy(update={"device": device})
    return config.model_copy(
        update={"training": training, "workers": WorkerSettings(**workers), "executor": "ray"}
    )


@pytest.mark.parametrize(
    ("workers", "device", "cluster", "expected"),
    [
        ({}, "auto", (32.0, 0.0), (16, 2.0, 0.0)),
        ({}, "auto", (1.0, 0.0), (2, 2.0, 0.0)),  # they may come
        ({"count": 3}, "auto", (32.0, 0.0), (3, 2.0, 0.0)),
        ({}, "auto", (32.0, 4.0), (4, 2.0, 1.0)),
        ({"per_gpu": 3}, "cuda", (32.0, 4.0), (12, 2.0, 0.3333)),
        ({"per_gpu": 2, "count": 5}, "auto", (32.0, 4.0), (5, 2.0, 0.5)),
        ({"per_gpu": 2}, "cpu", (8.0, 4.0), (4, 2.0, 0.0)),
    ],
)
def test_workers_share_the_cards_of_a_cluster_or_its_processors(
    tiny_config: SweepConfig,
    workers: dict[str, int],
    device: str,
    cluster: tuple[float, float],
    expected: tuple[int, float, float],
) -> None:
    found = make_share(_with(tiny_config, device, **workers), 2.0, *cluster)
    assert (found.workers, found.cpus, found.gpus) == expected
    assert expected[2] * workers.get("per_gpu", 1) <= 1
