"""Number of workers on a machine, and which worker gets which GPU.

Nothing here initialises CUDA or imports torch: a worker is given its GPU before it imports torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldsharp.sweep.configuration.execution import WorkerSettings

CUDA_VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"
"""Environment variable that lists the GPUs a process sees, in order."""
DEFAULT_WORKERS = 2
"""Without a configured number, and with no more GPUs than this."""


def visible_gpus(count: int, visible: str | None) -> tuple[str, ...]:
    """Return each GPU as the value of the variable that makes it the only one a process sees.

    Args:
        count: Number of GPUs this process sees.
        visible: Current value of the variable, indices or UUIDs; None if it is not set.
    """
    if visible is None:
        return tuple(map(str, range(count)))
    return tuple(name.strip() for name in visible.split(",")[:count])


def gpu_of(worker: int, gpus: tuple[str, ...]) -> str | None:
    """Return the GPU of a worker by round robin, None if there are fewer than two.

    With few trials left, the first workers run them, each on a GPU of its own.
    """
    return gpus[worker % len(gpus)] if len(gpus) > 1 else None


def worker_count(settings: "WorkerSettings", gpus: int) -> int:
    """Return the number of workers on a machine with so many GPUs."""
    if settings.per_gpu is None or not gpus:
        return settings.count or max(DEFAULT_WORKERS, gpus)
    most = gpus * settings.per_gpu
    return most if settings.count is None else min(settings.count, most)


def describe_workers(settings: "WorkerSettings", gpus: int) -> str:
    """Return a sentence on the number of workers, "" if GPUs do not affect it."""
    count = worker_count(settings, gpus)
    on = f"{count} worker{'s' if count > 1 else ''} on {gpus} GPU{'s' if gpus > 1 else ''}"
    if settings.per_gpu is None:
        return on if gpus > 1 else ""
    if not gpus:
        return f"workers.per_gpu does nothing: there is no CUDA GPU to train on, {count} at a time"
    if count < gpus * settings.per_gpu:
        return f"{on}, of {gpus * settings.per_gpu} by workers.per_gpu: workers.count is {count}"
    return on
