"""Which faults hit a sweep, and in which order: the same for the same seed."""

from random import Random

from tests.chaos.faults.registry import (
    FAULTS,
    FULL_DISK,
    KILL_COORDINATOR,
    KILL_WORKER,
    LONG_LOCK,
    LOST_LOG,
    SHORT_LOCK,
)

SHORT = (
    SHORT_LOCK,
    FULL_DISK,
    LOST_LOG,
    "freeze the coordinator",
    KILL_WORKER,
    "freeze a worker, kill the coordinator",
    "SIGTERM to the group",
)
"""A handful that costs little: a restart takes longer than a trial."""


def short_plan(rng: Random) -> list[str]:
    """Return the faults of the short form, each once."""
    return rng.sample(SHORT, len(SHORT))


def kill_plan(rng: Random, workers: int, coordinators: int) -> list[str]:
    """Return kills of so many workers and coordinators."""
    kills = [KILL_WORKER] * workers + [KILL_COORDINATOR] * coordinators
    rng.shuffle(kills)
    return kills


def full_plan(rng: Random, rounds: int) -> list[str]:
    """Return every fault but the longest, once a round."""
    names = [name for name in FAULTS if name != LONG_LOCK]
    return [name for _ in range(rounds) for name in rng.sample(names, len(names))]
