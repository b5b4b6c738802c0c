"""Drives a sweep through a plan of faults, to its end, and looks after each what was lost."""

import time
from random import Random

from tests.chaos.faults.fault import Fault
from tests.chaos.faults.kills import left_running
from tests.chaos.faults.registry import FAULTS
from tests.chaos.history import read_history, what_was_lost
from tests.chaos.live_sweep import FINISHED, LiveSweep, NotInjected
from tests.chaos.tally import Tally

BY_ITSELF = "no fault at all"
MORE_TRIALS = 6
TRIES = 3
"""A sweep may be over just as its fault comes, a worker be idle."""
END_LIMIT_S = 600.0


class Driver:
    """Injects faults one after the other.

    Args:
        sweep: What they hit.
        rng: Where in a trial they hit.
        tally: What is told.
    """

    def __init__(self, sweep: LiveSweep, rng: Random, tally: Tally) -> None:
        self._sweep = sweep
        self._rng = rng
        self._tally = tally
        self._history = read_history(sweep.place.database)

    def run(self, plan: list[str], until: float | None = None) -> None:
        """Inject a plan of faults, as many of it as there is time for, and finish the sweep.

        Args:
            plan: Names.
            until: When to begin no further fault, by ``time.monotonic``.
        """
        for name in plan:
            if until is not None and time.monotonic() > until:
                break
            self.inject(FAULTS[name])
        self.finish()

    def inject(self, fault: Fault) -> None:
        """Inject one fault and see that the sweep goes on."""
        for attempt in range(TRIES):
            self.keep_going(BY_ITSELF)
            left_out = None
            losses: list[str] = []
            try:
                self._sweep.wait_for_training()
                losses = fault.inject(self._sweep, self._rng)
            except NotInjected as reason:
                left_out = str(reason)
            except TimeoutError as error:
                losses = [str(error)]
            # An end that belongs to the fault is dealt with here, any later one is nobody's doing.
            losses += self._resume() + self._look()
            if left_out is None or losses or attempt == TRIES - 1:
                self._tally.add(fault.name, losses, left_out)
                return

    def keep_going(self, name: str) -> None:
        """Have the sweep running: with more trials where it is through with those it was given."""
        sweep = self._sweep
        if sweep.running:
            return
        if sweep.process is not None:
            code = sweep.ended()
            if code != FINISHED:
                self._tally.note(name, [f"the coordinator ended with {code}: {sweep.last_said}"])
            else:
                sweep.budget += MORE_TRIALS
        sweep.go_on()

    def finish(self) -> None:
        """Let the sweep come to its end."""
        sweep = self._sweep
        deadline = time.monotonic() + END_LIMIT_S
        while time.monotonic() < deadline:
            if not sweep.running and sweep.ended() != FINISHED:
                self.keep_going("at the end")
            if sweep.ended(max(1.0, deadline - time.monotonic())) == FINISHED:
                break
        self._tally.note("at the end", self._look())

    def _resume(self) -> list[str]:
        """Go on with a sweep that a fault has ended."""
        sweep = self._sweep
        if sweep.running or sweep.ended() == FINISHED:
            return []
        history = read_history(sweep.place.database)
        at_work = {
            number: trials[0].attempt
            for number, trials in history.items()
            if trials[0].state == "RUNNING"
        }
        sweep.go_on()
        try:
            return left_running(sweep, at_work) if at_work else []
        except TimeoutError as error:
            return [str(error)]

    def _look(self) -> list[str]:
        before, self._history = self._history, read_history(self._sweep.place.database)
        return what_was_lost(before, self._history)
