"""The budget of a sweep: trials, time, and an end once further trials are needless."""

import logging
from collections.abc import Callable

from fieldsharp.sweep.configuration.execution import BudgetSettings

logger = logging.getLogger(__name__)


class Budget:
    """Decides whether trials may be started, and logs the reason once if not.

    Args:
        study: Named in the log.
        budget: Of trials and time.
        clock: Seconds that never run backwards.
    """

    def __init__(self, study: str, budget: BudgetSettings, clock: Callable[[], float]) -> None:
        self._study = study
        self._budget = budget
        self._clock = clock
        self._began_at = clock()
        self._logged: set[str] = set()

    def begin(self) -> None:
        """Start the clock of the time limit."""
        self._began_at = self._clock()

    def goes_on(self, *, needless: str) -> bool:
        """Return whether trials may be started or resumed.

        Args:
            needless: Why another trial could change nothing; "" if it could.
        """
        timeout_s = self._budget.timeout_s
        if timeout_s is not None and self._clock() - self._began_at >= timeout_s:
            limit = self._budget.timeout
            self._log_once(f"the time limit of {limit} is reached, no more trials are started")
            return False
        if needless:
            self._log_once(needless)
            return False
        return True

    def left(self, started: int) -> int:
        """Return how many trials may still be started after so many."""
        return max(0, self._budget.trials - started)

    def _log_once(self, sentence: str) -> None:
        """Log a sentence once."""
        if sentence not in self._logged:
            logger.info("%s: %s", self._study, sentence)
        self._logged.add(sentence)
