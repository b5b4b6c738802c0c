import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.execution import RaySettings, WorkerSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.ray.resources import WorkerResources, make_resources


def _with(config: SweepConfig, device: str = "auto", **workers: int) -> SweepConfig:
    training = config.training.model_copy(update={"device": device})
    return config.model_copy(
        update={
            "training": training,
            "workers": WorkerSettings(**workers),
            "executor": "ray",
            "ray": RaySettings(cpus=2),
        }
    )


@pytest.mark.parametrize(
    ("workers", "device", "nodes", "expected"),
    [
        ({}, "auto", [(32.0, 0.0)], (16, 2.0, 0.0)),
        ({}, "auto", [(3.0, 0.0)] * 4, (4, 2.0, 0.0)),
        ({}, "auto", [(1.0, 0.0)], (2, 2.0, 0.0)),  # they may come
        ({"count": 3}, "auto", [(32.0, 0.0)], (3, 2.0, 0.0)),
        ({}, "auto", [(0.0, 0.0), (16.0, 2.0), (16.0, 2.0)], (4, 2.0, 1.0)),
        ({}, "auto", [(16.0, 1.0)], (1, 2.0, 1.0)),
        ({}, "auto", [(4.0, 8.0), (32.0, 0.0)], (2, 2.0, 1.0)),
        ({"per_gpu": 3}, "cuda", [(32.0, 4.0)], (12, 2.0, 0.3333)),
        ({"per_gpu": 2, "count": 5}, "auto", [(32.0, 4.0)], (5, 2.0, 0.5)),
        ({"per_gpu": 2, "count": 16}, "auto", [(32.0, 4.0)], (16, 2.0, 0.5)),  # they may come
        ({"per_gpu": 2}, "cpu", [(8.0, 4.0)], (4, 2.0, 0.0)),
    ],
)
def test_workers_share_the_gpus_of_a_cluster_or_its_processors(
    tiny_config: SweepConfig,
    workers: dict[str, int],
    device: str,
    nodes: list[tuple[float, float]],
    expected: tuple[int, float, float],
) -> None:
    found = make_resources(_with(tiny_config, device, **workers), nodes)
    assert (found.workers, found.cpus, found.gpus) == expected
    assert expected[2] * workers.get("per_gpu", 1) <= 1


def test_a_gpu_that_no_node_has_is_refused(tiny_config: SweepConfig) -> None:
    with pytest.raises(ConfigError, match="no node of the Ray cluster has a GPU now; start the"):
        make_resources(_with(tiny_config, "cuda"), [(8.0, 0.0)])


@pytest.mark.parametrize(
    ("cpus", "gpus", "alive", "fits"),
    [
        (2.0, 1.0, True, True),
        (2.0, 1.0, False, False),
        (1.0, 1.0, True, False),
        (2.0, 0.0, True, False),
    ],
)
def test_a_node_is_large_enough_or_not(cpus: float, gpus: float, alive: bool, fits: bool) -> None:
    node = {"Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus}}
    assert WorkerResources(1, 2.0, 0.5).fits(node) is fits
