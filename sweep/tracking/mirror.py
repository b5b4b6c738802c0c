"""Brings a tracker up to date with a study: what it lacks is added, and nothing twice."""

import math
from collections.abc import Callable, Mapping

from fieldsharp.sweep.tracking.tracker import SCORE, Epoch, Held, StudyView, Tracker, TrialView

SAME = 1e-4
"""Relative difference of equal metrics: a tracker may keep single precision."""


class Mirror:
    """Brings one tracker up to date.

    After an error make another one: it reads back what the tracker holds.

    Args:
        alive: Is called after each step.
    """

    def __init__(self, tracker: Tracker, alive: Callable[[], None] = lambda: None) -> None:
        self._tracker = tracker
        self._alive = alive
        self._held: dict[int, Held] | None = None
        self._study: tuple[object, ...] = ()
        self._pictured: Mapping[str, int] = {}

    def update(self, study: StudyView) -> None:
        """Add what the tracker lacks of the trials, and of the facts of the study."""
        if self._held is None:
            self._held = self._tracker.held(study)
            self._pictured = self._tracker.pictured(study)
            self._alive()
        for trial in study.trials:
            self._update_trial(self._held, trial)
        facts = (study.verdict, study.notes, study.done)
        if facts != self._study:
            self._tracker.show_study(study)
            self._study = facts
            self._alive()

    def lacking_pictures(self, study: StudyView) -> dict[str, int]:
        """Return the trials that pictures are to be shown of, by what they are shown as."""
        return {n: number for n, number in study.shown.items() if self._pictured.get(n) != number}

    def show_pictures(self, study: StudyView, pictures: Mapping[str, bytes]) -> None:
        """Show the pictures of the study."""
        self._tracker.show_pictures(study, pictures)
        self._pictured = study.shown

    def close(self) -> None:
        """Close the tracker."""
        self._tracker.close()

    def _update_trial(self, all_held: dict[int, Held], trial: TrialView) -> None:
        held = all_held.get(trial.number)
        if held is not None and _is_of_another(held, trial):
            self._tracker.set_aside(trial)
            held = None
        if held is not None and held.mark:
            return
        if held is None:
            self._tracker.begin(trial)
            held = all_held[trial.number] = Held(trial.key)
            self._alive()
        missing = [lacking for epoch in trial.epochs if (lacking := _lacking(held, epoch)).metrics]
        if missing:
            self._tracker.add(trial, missing)
            for epoch in missing:
                held.points |= {(name, epoch.step): v for name, v in epoch.metrics.items()}
            self._alive()
        if trial.mark:
            self._tracker.end(trial)
            held.mark = trial.mark
            held.points.clear()
            self._alive()
        elif trial.state != held.state:
            self._tracker.change(trial)
            held.state = trial.state


def _lacking(held: Held, epoch: Epoch) -> Epoch:
    metrics = {n: v for n, v in epoch.metrics.items() if (n, epoch.step) not in held.points}
    return Epoch(epoch.step, epoch.at_ms, metrics)


def _is_of_another(held: Held, trial: TrialView) -> bool:
    """Return whether a run is of another trial, or of epochs that were trained anew otherwise."""
    if held.key != trial.key or held.mark not in ("", trial.mark):
        return True
    if not trial.mark or held.mark:
        return False
    # The score of the last epoch is computed anew against the finished baseline.
    return any(
        not math.isclose(held.points.get((name, epoch.step), value), value, rel_tol=SAME)
        for epoch in trial.epochs
        for name, value in epoch.metrics.items()
        if name.rpartition("/")[2] != SCORE
    )
