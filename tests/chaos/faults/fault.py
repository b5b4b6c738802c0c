"""What a fault is: something that is done to a running sweep, and what must hold right after."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.chaos.live_sweep import LiveSweep

Inject = Callable[[LiveSweep, Random], list[str]]
"""Does it, and returns a sentence for everything that was lost by it.

What is true of every history is looked at afterwards whatever the fault was: a fault itself looks
only at what is its own. It adds to the sweep's ``cuts`` what it may have cut short.
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
