"""Which worker gets which GPU, on machines with any number of them."""

import pytest

from fieldsharp.sweep.configuration.execution import WorkerSettings
from fieldsharp.sweep.execution.gpus import describe_workers, gpu_of, visible_gpus, worker_count


@pytest.mark.parametrize(
    ("count", "visible", "gpus"),
    [
        (0, None, ()),
        (3, None, ("0", "1", "2")),
        (2, "2,3", ("2", "3")),
        (2, " 3, GPU-8932f937-d72c ", ("3", "GPU-8932f937-d72c")),
        (1, "5,99,6", ("5",)),  # CUDA sees those before the first that is not there
        (0, "", ()),
        (0, "-1", ()),
    ],
)
def test_a_gpu_is_named_as_the_variable_names_it(
    count: int, visible: str | None, gpus: tuple[str, ...]
) -> None:
    assert visible_gpus(count, visible) == gpus


@pytest.mark.parametrize(
    ("gpus", "dealt"),
    [
        ((), [None] * 5),
        (("0",), [None] * 5),
        (("2", "3"), ["2", "3", "2", "3", "2"]),
        (("0", "1", "2", "3"), ["0", "1", "2", "3", "0"]),
    ],
)
def test_gpus_are_dealt_out_in_turn(gpus: tuple[str, ...], dealt: list[str | None]) -> None:
    assert [gpu_of(worker, gpus) for worker in range(5)] == dealt


@pytest.mark.parametrize(
    ("count", "per_gpu", "gpus", "workers"),
    [
        (None, None, 0, 2),
        (None, None, 1, 2),
        (None, None, 2, 2),
        (None, None, 4, 4),
        (3, None, 0, 3),
        (1, None, 4, 1),
        (9, None, 4, 9),
        (None, 1, 4, 4),
        (None, 1, 1, 1),
        (None, 3, 4, 12),
        (5, 3, 4, 5),
        (16, 3, 4, 12),
        (None, 3, 0, 2),
        (5, 3, 0, 5),
    ],
)
def test_so_many_workers_there_are(
    count: int | None, per_gpu: int | None, gpus: int, workers: int
) -> None:
    settings = WorkerSettings(count=count, per_gpu=per_gpu)
    assert worker_count(settings, gpus) == workers


@pytest.mark.parametrize(
    ("count", "per_gpu", "gpus", "words"),
    [
        (None, None, 0, ""),
        (7, None, 1, ""),
        (None, None, 4, "4 workers on 4 GPUs"),
        (1, None, 4, "1 worker on 4 GPUs"),
        (None, 2, 1, "2 workers on 1 GPU"),
        (5, 2, 4, "5 workers on 4 GPUs, of 8 by workers.per_gpu: workers.count is 5"),
        (9, 2, 4, "8 workers on 4 GPUs"),
        (None, 3, 0, "workers.per_gpu does nothing: there is no CUDA GPU to train on, 2 at a time"),
    ],
)
def test_what_is_said_of_them(
    count: int | None, per_gpu: int | None, gpus: int, words: str
) -> None:
    assert describe_workers(WorkerSettings(count=count, per_gpu=per_gpu), gpus) == words
