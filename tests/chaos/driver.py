"""Drives a sweep through a plan of faults to its end, and compares its trials after each."""

import time
from random import Random

from tests.chaos.faults.fault import Fault
from tests.chaos.faults.kills import left_running
from tests.chaos.faults.registry import FAULTS
from tests.chaos.history import losses_between, read_history
from tests.chaos.live_sweep import FINISHED, LiveSweep, NotInjected
from tests.chaos.tally import Tally

WITHOUT_FAULT = "no fault at all"
MORE_TRIALS = 6
TRIES = 3
"""Attempts to inject a fault: the sweep may have just finished, or a worker be idle."""
END_LIMIT_S = 600.0


class Driver:
    """Injects faults one after the other.

    Args:
        sweep: The sweep.
        rng: Draws the moments of the faults.
        tally: Counts faults and losses.
    """

    def __init__(self, sweep: LiveSweep, rng: Random, tally: Tally) -> None:
        self._sweep = sweep
        self._rng = rng
        self._tally = tally
        self._history = read_history(sweep.workspace.database)

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
        """Inject one fault and check that the sweep continues."""
        for attempt in range(TRIES):
            self.keep_running(WITHOUT_FAULT)
            left_out = None
            losses: list[str] = []
            try:
                self._sweep.wait_for_training()
                losses = fault.inject(self._sweep, self._rng)
            except NotInjected as reason:
                left_out = str(reason)
            except TimeoutError as error:
                losses = [str(error)]
            # An exit caused by the fault is handled here; a later one counts as a loss.
            losses += self._resume() + self._new_losses()
            if left_out is None or losses or attempt == TRIES - 1:
                self._tally.add(fault.name, losses, left_out)
                return

    def keep_running(self, name: str) -> None:
        """Make sure that the sweep runs, with a larger budget if it has finished."""
        sweep = self._sweep
        if sweep.running:
            return
        if sweep.process is not None:
            code = sweep.ended()
            if code != FINISHED:
                self._tally.note(name, [f"the coordinator ended with {code}: {sweep.last_line}"])
            else:
                sweep.budget += MORE_TRIALS
        sweep.start_or_resume()

    def finish(self) -> None:
        """Run the sweep to its end."""
        sweep = self._sweep
        deadline = time.monotonic() + END_LIMIT_S
        while time.monotonic() < deadline:
            if not sweep.running and sweep.ended() != FINISHED:
                self.keep_running("at the end")
            if sweep.ended(max(1.0, deadline - time.monotonic())) == FINISHED:
                break
        self._tally.note("at the end", self._new_losses())

    def _resume(self) -> list[str]:
        """Resume a sweep that a fault has ended."""
        sweep = self._sweep
        if sweep.running or sweep.ended() == FINISHED:
            return []
        history = read_history(sweep.workspace.database)
        at_work = {
            number: trials[0].attempt
            for number, trials in history.items()
            if trials[0].state == "RUNNING"
        }
        sweep.start_or_resume()
        try:
            return left_running(sweep, at_work) if at_work else []
        except TimeoutError as error:
            return [str(error)]

    def _new_losses(self) -> list[str]:
        before, self._history = self._history, read_history(self._sweep.workspace.database)
        return losses_between(before, self._history)
