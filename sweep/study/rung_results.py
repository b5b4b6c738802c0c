"""The result of a trial at a rung, and the ranking of trials at one rung.

A rung is a number of epochs after which a trial goes on only if it is among the best that reached
it. The ranking is constrained non-domination (Deb et al. 2002, NSGA-II,
https://doi.org/10.1109/4235.996017): trials that break no guard first, front after front, in a
front by crowding distance; then the others by their violation. A single value ranks by itself.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial
from pydantic import ConfigDict

from fieldsharp.core.errors import StudyError
from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.ranking import ranked as by_score
from fieldsharp.storage.optuna_adapter.internals import non_domination_ranks
from fieldsharp.sweep.study.trial_records import RUNGS, read_stored


class RungResult(Settings):
    """The result of a trial at a rung.

    Attributes:
        epochs: Trained until the rung.
        values: The values that the search minimises, relative to the baseline at the same epoch.
        violation: Total violation of the guards that count, beyond what is forgiven at that epoch;
            0 where they hold.
        rmse: In units of the field, of several variables ``MetricValues.error``; infinite where it
            was not stored, by earlier versions.
        guards_decide: Whether guards alone may keep the trial from going on. False while it is
            behind climatology, and before half of its epochs if its loss can sharpen.
    """

    model_config = ConfigDict(allow_inf_nan=True)

    epochs: int
    values: tuple[float, ...]
    violation: float = 0.0
    rmse: float = math.inf
    guards_decide: bool = True

    @property
    def by_score(self) -> "RungResult":
        """The result as it is ranked where guards alone may not decide."""
        return self if self.guards_decide else self.model_copy(update={"violation": 0.0})


def objective_values(
    mode: str, total: float, parts: Mapping[str, float], rmse: float
) -> tuple[float, ...]:
    """Return the values of a trial that the search minimises in a mode.

    Those are the total score; in the mode ``pareto`` the band distances of gradient and peak, and
    the RMSE in physical units: of several variables their means, of RMSEs as shares of that of each
    cell's mean.
    """
    return (total,) if mode != "pareto" else (parts["gradient"], parts["peak"], rmse)


def forgiven(epochs: int, of: int) -> float:
    """Return the violation of a guard that does not count after some epochs.

    Early in training a sharpening loss breaks guards without gaming the score: its nets still
    move too little when a baseline moves already. (1 - epochs / of)^2 after ``epochs`` of all
    ``of``, 0 at the end (decision record 19).
    """
    return (1.0 - epochs / of) ** 2


def rung_results(trial: FrozenTrial) -> list[RungResult]:
    """Return the results of a trial, rung by rung.

    Raises:
        StudyError: If another version or another program wrote it.
    """
    stored = trial.user_attrs.get(RUNGS) or []
    if not isinstance(stored, list):
        raise StudyError(f"the {RUNGS} of trial {trial.number} are a {type(stored).__name__}")
    return [read_stored(RungResult, one, f"{RUNGS} of trial {trial.number}") for one in stored]


def known_rung_results(trial: FrozenTrial) -> list[RungResult]:
    """Return the results of a trial, rung by rung; none where they cannot be read."""
    try:
        return rung_results(trial)
    except StudyError:
        return []


def ranked(results: Mapping[int, RungResult]) -> list[int]:
    """Return the trials of one rung, the best first; of equals the lower number first."""
    holding = sorted(number for number, result in results.items() if result.violation <= 0.0)
    broken = sorted(
        (number for number, result in results.items() if result.violation > 0.0),
        key=lambda number: (results[number].violation, results[number].values, number),
    )
    values = [results[number].values for number in holding]
    if values and len(values[0]) == 1:
        scores = [value for (value,) in values]
        order = by_score(scores, [results[number].rmse for number in holding])
        return [holding[index] for index in order] + broken
    return [holding[index] for index in _by_front(values)] + broken


def _by_front(values: Sequence[tuple[float, ...]]) -> list[int]:
    if not values:
        return []
    array_NV = np.array(values)
    front_N = non_domination_ranks(array_NV)
    order: list[int] = []
    for front in range(int(front_N.max()) + 1):
        members = np.flatnonzero(front_N == front)
        distance = _crowding_distance(array_NV[members])
        # Stable: of equals the first.
        order += members[np.argsort(-distance, kind="stable")].tolist()
    return order


def _crowding_distance(values_NV: np.ndarray) -> np.ndarray:
    """Return the crowding distance of each point of a front: infinite at the ends."""
    distance_N = np.zeros(len(values_NV))
    for column in values_NV.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        distance_N[order[[0, -1]]] = np.inf
        span = ordered[-1] - ordered[0]
        if span > 0:
            distance_N[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
    return distance_N
