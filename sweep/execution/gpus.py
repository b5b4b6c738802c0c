"""Graphics cards of a machine: how many workers there are, and which of them gets which card.

Nothing here looks at a card, or loads torch: a worker knows its card before it does.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldsharp.sweep.configuration.execution import WorkerSettings

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Variable that says which cards a process sees, and in which order."""
WORKERS = 2
"""Where no number is asked for and there are no more cards."""


def visible_gpus(count: int, visible: str | None) -> tuple[str, ...]:
    """Return each card by the value of the variable that shows it alone to a process.

    Args:
        count: How many cards a process sees now.
        visible: What the variable is now, numbers or identities; None where it is not set.
    """
    if visible is None:
        return tuple(map(str, range(count)))
    return tuple(name.strip() for name in visible.split(",")[:count])


def gpu_of(worker: int, cards: tuple[str, ...]) -> str | None:
    """Return the card of a worker, None where there is nothing to choose.

    Dealt out in turn: where few trials are left the first workers have them, on a card each.
    """
    return cards[worker % len(cards)] if len(cards) > 1 else None


def worker_count(settings: "WorkerSettings", cards: int) -> int:
    """Return how many workers there are on a machine with so many cards."""
    if settings.per_gpu is None or not cards:
        return settings.count or max(WORKERS, cards)
    most = cards * settings.per_gpu
    return most if settings.count is None else min(settings.count, most)


def describe_workers(settings: "WorkerSettings", cards: int) -> str:
    """Return how many workers there are and why, "" where no card has a say in it."""
    count = worker_count(settings, cards)
    on = f"{count} worker{'s' if count > 1 else ''} on {cards} GPU{'s' if cards > 1 else ''}"
    if settings.per_gpu is None:
        return on if cards > 1 else ""
    if not cards:
        return f"workers.per_gpu does nothing: there is no CUDA GPU to train on, {count} at a time"
    if count < cards * settings.per_gpu:
        return f"{on}, of {cards * settings.per_gpu} by workers.per_gpu: workers.count is {count}"
    return on
