"""A fault: an action on a running sweep, with the checks that must hold right after it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.chaos.live_sweep import LiveSweep

Inject = Callable[[LiveSweep, Random], list[str]]
"""Injects a fault and returns a sentence for each loss.

A fault checks only its own effects; the trials' history is compared after every fault. It adds the
epochs it may have interrupted to the sweep's ``interrupted``.
"""


@dataclass(frozen=True)
class Fault:
    """A fault by name.

    Attributes:
        name: As it is printed.
        inject: What brings it about.
    """

    name: str
    inject: Inject
