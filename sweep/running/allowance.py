"""What a budget allows: whether another trial may be started, by number and by time."""

import logging
from collections.abc import Callable

from sweep.configuration.execution import BudgetSettings

logger = logging.getLogger(__name__)


class Allowance:
    """Says whether another trial may be started, and once why not.

    Args:
        study: Named in what is said.
        budget: Of trials and time.
        clock: Seconds that never run backwards.
    """

    def __init__(self, study: str, budget: BudgetSettings, clock: Callable[[], float]) -> None:
        self._study = study
        self._budget = budget
        self._clock = clock
        self._began_at = 0.0
        self._said: set[str] = set()

    def begin(self) -> None:
        """Begin to count the time."""
        self._began_at = self._clock()

    def has_room(self, begun: int, *, needless: str) -> bool:
        """Return whether another trial may be started.

        Args:
            begun: How many trials of the budget are used or at work.
            needless: Why there is nothing that another trial could mend, "" where there is.
        """
        timeout_s = self._budget.timeout_s
        if timeout_s is not None and self._clock() - self._began_at >= timeout_s:
            limit = self._budget.timeout
            self._say(f"the time limit of {limit} is reached, no more trials are started")
            return False
        if needless:
            self._say(needless)
            return False
        return begun < self._budget.trials

    def _say(self, sentence: str) -> None:
        """Say something once."""
        if sentence not in self._said:
            logger.info("%s: %s", self._study, sentence)
        self._said.add(sentence)
