"""What a budget allows: whether another trial may be started, by time and by what it may bring."""

import logging
from collections.abc import Callable

from fieldsharp.sweep.configuration.execution import BudgetSettings

logger = logging.getLogger(__name__)


class Budget:
    """Says whether trials may be started, and once why not.

    Args:
        study: Named in what is said.
        budget: Of trials and time.
        clock: Seconds that never run backwards.
    """

    def __init__(self, study: str, budget: BudgetSettings, clock: Callable[[], float]) -> None:
        self._study = study
        self._budget = budget
        self._clock = clock
        self._began_at = clock()
        self._said: set[str] = set()

    def begin(self) -> None:
        """Begin to count the time."""
        self._began_at = self._clock()

    def goes_on(self, *, needless: str) -> bool:
        """Return whether trials may be started, or gone on with.

        Args:
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
        return True

    def to_begin(self, begun: int) -> int:
        """Return how many trials may still be begun where so many were."""
        return max(0, self._budget.trials - begun)

    def _say(self, sentence: str) -> None:
        """Say something once."""
        if sentence not in self._said:
            logger.info("%s: %s", self._study, sentence)
        self._said.add(sentence)
